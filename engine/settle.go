package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// groups are where all groups stand, by name. What readers hold is never
// changed.
type groups []*GroupProgress

func (g groups) find(name string) (int, bool) {
	return slices.BinarySearchFunc(g, name, func(held *GroupProgress, name string) int { return strings.Compare(held.Name, name) })
}

// with returns the groups after one has moved, or was made.
func (g groups) with(moved *GroupProgress) groups {
	next := slices.Clone(g)
	i, found := g.find(moved.Name)
	if found {
		next[i] = moved
		return next
	}
	return slices.Insert(next, i, moved)
}

func (g groups) without(name string) groups {
	i, found := g.find(name)
	if !found {
		return g
	}
	return slices.Delete(slices.Clone(g), i, i+1)
}

// defineGroup begins a group that is new, and removes all of one that ends.
func (a *applier) defineGroup(v *Definition) error {
	if len(v.Body) == 0 {
		a.groups = a.groups.without(v.Name)
		from := appendGroupPrefix(nil, v.Name)
		return a.batch.DeleteRange(from, prefixEnd(from), nil)
	}
	if _, found := a.groups.find(v.Name); found {
		return nil
	}
	after, err := groupBeginning(v.Body)
	if err != nil {
		return err
	}
	return a.putProgress(&GroupProgress{Name: v.Name, Created: v.Position, Through: min(after, v.Position)})
}

// groupBeginning returns the position behind which a group begins: what its
// definition calls "after". The rest of the definition is not apply's concern.
func groupBeginning(body []byte) (firn.Position, error) {
	var fields struct {
		After firn.Position `json:"after"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return 0, firn.Errorf(firn.ErrInvalid, `the definition of a group must be a JSON object, "after" in it a position`)
	}
	return fields.After, nil
}

func (a *applier) putProgress(g *GroupProgress) error {
	a.groups = a.groups.with(g)
	a.value = g.append(a.value[:0])
	return a.set(progressKey(g.Name), a.value)
}

// settle judges a step of a group and writes it. It reads nothing from the
// keys: the step says what it takes away.
func (a *applier) settle(item *command.Settle) (command.Result, error) {
	i, found := a.groups.find(string(item.Group))
	if !found {
		return command.Result{}, firn.Errorf(firn.ErrNotFound, "there is no group %.128q", item.Group)
	}
	before := a.groups[i]
	if item.Created != before.Created || item.Step != before.Step+1 {
		return command.Result{}, firn.Errorf(firn.ErrStale, "a step %d of the group %s made at position %d; it was made at %d and is at step %d",
			item.Step, before.Name, item.Created, before.Created, before.Step)
	}
	if err := a.checkSettle(before, item); err != nil {
		return command.Result{}, err
	}
	if item.Rewind {
		if err := a.rewind(before.Name, item.Through); err != nil {
			return command.Result{}, err
		}
	}
	for i := range item.Removed {
		if err := a.removeAside(before.Name, &item.Removed[i]); err != nil {
			return command.Result{}, err
		}
	}
	for i := range item.Added {
		if err := a.addAside(before.Name, &item.Added[i]); err != nil {
			return command.Result{}, err
		}
	}
	reached := before.Reached
	if item.Rewind {
		reached = max(reached, before.Through)
	}
	return command.Result{}, a.putProgress(&GroupProgress{
		Name: before.Name, Created: before.Created, Step: item.Step,
		Through: item.Through, Reached: reached, Open: item.Open, Counts: item.Counts,
	})
}

// checkSettle says what is wrong with a step, or nil: whatever a coordinator
// does, no event that was settled comes back, and none is passed over unseen.
func (a *applier) checkSettle(before *GroupProgress, item *command.Settle) error {
	bad := func(text string, args ...any) error {
		return firn.Errorf(firn.ErrInvalid, "step %d of the group %s: %s", item.Step, before.Name, fmt.Sprintf(text, args...))
	}
	switch {
	case item.Through > a.p.head:
		return bad("it has looked at position %d; the head is %d", item.Through, a.p.head)
	case item.Rewind && len(item.Open)+len(item.Removed)+len(item.Added) > 0:
		return bad("it rewinds the group and does something else, too")
	case !item.Rewind && item.Through < before.Through:
		return bad("it has looked at position %d, the step before it at %d", item.Through, before.Through)
	case len(item.Open) > GroupOpenMax:
		return bad("%d events are open; at most %d are allowed", len(item.Open), GroupOpenMax)
	case len(item.Removed) > GroupAsidesMax || len(item.Added) > GroupAsidesMax:
		return bad("%d asides removed and %d added; at most %d each are allowed", len(item.Removed), len(item.Added), GroupAsidesMax)
	}
	last := firn.Position(0)
	for _, p := range item.Open {
		if p <= last || p > item.Through {
			return bad("position %d is open, after %d, and it has looked at %d", p, last, item.Through)
		}
		last = p
		if p > before.Through {
			continue
		}
		if _, open := slices.BinarySearch(before.Open, p); !open {
			return bad("position %d is open again", p)
		}
	}
	size := 0
	for _, asides := range [][]command.Aside{item.Removed, item.Added} {
		for i := range asides {
			s := &asides[i]
			size += len(s.Stream) + len(s.Reason) + groupAsideOverhead
			if s.State != command.AsideDue && s.State != command.AsideParked || s.Position == 0 || s.Position > a.p.head+1 || len(s.Reason) > GroupReasonMax {
				return bad("an aside of state %d at position %d with a reason of %d bytes", s.State, s.Position, len(s.Reason))
			}
			if err := firn.CheckStreamName(string(s.Stream)); err != nil {
				return err
			}
		}
	}
	if size > 2*groupStepBytesMax {
		return bad("%d bytes of asides; at most %d are allowed", size, 2*groupStepBytesMax)
	}
	return nil
}

// rewind takes away all asides but those parked at or below a position. What
// led to them stays behind, see groupkeys.go.
func (a *applier) rewind(group string, to firn.Position) error {
	due := appendAsidePrefix(nil, group, command.AsideDue)
	if err := a.batch.DeleteRange(due, prefixEnd(due), nil); err != nil {
		return err
	}
	behind := appendAsideKey(nil, group, command.AsideParked, to+1, "")
	return a.batch.DeleteRange(behind, prefixEnd(appendAsidePrefix(nil, group, command.AsideParked)), nil)
}

func (a *applier) removeAside(group string, s *command.Aside) error {
	a.key = appendAsideKey(a.key[:0], group, s.State, s.Position, s.Stream)
	err := a.batch.Delete(a.key, nil)
	if err == nil && s.State == command.AsideDue {
		a.key = appendDueKey(a.key[:0], group, s.Due, s.Position, s.Stream)
		err = a.batch.Delete(a.key, nil)
	}
	if err == nil && s.Holds {
		a.key = appendHeldKey(a.key[:0], group, s.Stream)
		err = a.batch.Delete(a.key, nil)
	}
	return err
}

func (a *applier) addAside(group string, s *command.Aside) error {
	a.key = appendAsideKey(a.key[:0], group, s.State, s.Position, s.Stream)
	a.value = appendAside(a.value[:0], s)
	err := a.set(a.key, a.value)
	if err == nil && s.State == command.AsideDue {
		a.key = appendDueKey(a.key[:0], group, s.Due, s.Position, s.Stream)
		err = a.set(a.key, []byte{valueVersion})
	}
	if err == nil && s.Holds {
		a.key = appendHeldKey(a.key[:0], group, s.Stream)
		a.value = appendHeld(a.value[:0], s)
		err = a.set(a.key, a.value)
	}
	return err
}

// loadGroups reads where the groups stand.
func (a *applier) loadGroups() error {
	for _, d := range a.definitions.of(command.ClassGroup) {
		key := progressKey(d.Name)
		value, err := get(a.db, key)
		if err == nil && value == nil {
			err = firn.Errorf(firn.ErrDamaged, "nothing says where the group %s stands; restore this node from another replica or a backup", d.Name)
		}
		if err != nil {
			return err
		}
		g, err := parseGroupProgress(key, value)
		if err != nil {
			return err
		}
		a.groups = append(a.groups, g)
	}
	return nil
}
