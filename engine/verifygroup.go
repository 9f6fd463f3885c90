package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// groups checks the groups (15): definition by definition, for the keys of a
// group that is not defined are a fault.
func (v *verifier) groups(ctx context.Context) error {
	it, err := v.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	lower := []byte{prefixGroup}
	var defined []Definition
	err = eachDefinition(it, command.ClassGroup, maxPosition, func(d Definition) {
		if len(d.Body) > 0 {
			defined = append(defined, d)
		}
	})
	if err != nil {
		return nil // a fault of 13, which is named already
	}
	for i := range defined {
		from := appendGroupPrefix(nil, defined[i].Name)
		if err := v.noGroup(ctx, lower, from); err != nil {
			return err
		}
		if err := v.group(ctx, &defined[i]); err != nil {
			return err
		}
		lower = prefixEnd(from)
	}
	return v.noGroup(ctx, lower, []byte{prefixGroup + 1})
}

func (v *verifier) noGroup(ctx context.Context, lower, upper []byte) error {
	return v.each(ctx, lower, upper, func(key, _ []byte) error {
		return v.fault(15, key, "", 0, "a key of a group that is not defined")
	})
}

// group checks one group.
func (v *verifier) group(ctx context.Context, d *Definition) error {
	var progress *GroupProgress
	var counted command.Counts
	from := appendGroupPrefix(nil, d.Name)
	err := v.each(ctx, from, prefixEnd(from), func(key, value []byte) error {
		_, rest, _ := parseGroupKey(key)
		err := damagedValue(key, value)
		if len(rest) > 0 {
			switch rest[0] {
			case groupProgress:
				progress, err = parseGroupProgress(key, value)
			case groupAside:
				return v.aside(d.Name, key, value, &counted)
			case groupHeld:
				if len(rest) > 1 {
					_, _, err = parseHeldBy(key, value)
				}
			case groupDue:
				var a command.Aside
				if parseDueKey(rest, &a) && bytes.Equal(value, []byte{valueVersion}) {
					err = nil
				}
			}
		}
		if err != nil {
			return v.fault(15, key, "", 0, "%v", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	key := progressKey(d.Name)
	switch {
	case progress == nil:
		return v.fault(15, key, "", 0, "nothing says where the group %s stands", d.Name)
	case progress.Created > d.Position || progress.Through > v.s.p.head:
		return v.fault(15, key, "", progress.Through, "the group %s of position %d is said to be made at %d, and to have looked at %d; the head is %d",
			d.Name, d.Position, progress.Created, progress.Through, v.s.p.head)
	case progress.Counts != counted:
		return v.fault(15, key, "", 0, "the asides of the group %s are counted as %+v, and there are %+v", d.Name, progress.Counts, counted)
	}
	open := progress.Open
	if len(open) > 0 && (open[0] == 0 || open[len(open)-1] > progress.Through || !slices.IsSortedFunc(open, firstBefore)) {
		return v.fault(15, key, "", open[0], "the group %s has %d positions open, from %d to %d, not in order up to %d", d.Name, len(open), open[0], open[len(open)-1], progress.Through)
	}
	return nil
}

// firstBefore orders positions; with it, two equal ones are out of order.
func firstBefore(a, b firn.Position) int {
	if a > b {
		return 1
	}
	return -1
}

// aside checks one aside, and that what should lead to it does.
func (v *verifier) aside(group string, key, value []byte, counted *command.Counts) error {
	a, err := parseAside(key, value)
	if err != nil {
		return v.fault(15, key, "", 0, "%v", err)
	}
	switch {
	case a.State == command.AsideParked:
		counted.Parked++
		if a.Holds {
			counted.Waiting++
		}
	case a.Attempts > 0:
		counted.Retrying++
		fallthrough
	default:
		counted.Due++
		due, err := get(v.db, appendDueKey(nil, group, a.Due, a.Position, a.Stream))
		if err != nil {
			return v.unreadable(key, err)
		}
		if due == nil {
			return v.fault(15, key, string(a.Stream), a.Position, "the aside is not found by its time")
		}
	}
	if !a.Holds {
		return nil
	}
	held := appendHeldKey(nil, group, a.Stream)
	stored, err := get(v.db, held)
	if err != nil {
		return v.unreadable(held, err)
	}
	text := "nothing"
	if stored != nil {
		state, p, err := parseHeldBy(held, stored)
		if err == nil && state == a.State && p == a.Position {
			return nil
		}
		text = fmt.Sprintf("an aside of state %d at %d (%v)", state, p, err)
	}
	return v.fault(15, key, string(a.Stream), a.Position, "the aside holds its stream, but %s is said to hold it", text)
}
