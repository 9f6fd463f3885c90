package check

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/firndb/firn"
)

// timeline is how a stream stood, from position to position.
type timeline struct{ marks []mark }

// mark is how a stream has stood from a position on.
type mark struct {
	at firn.Position
	state
}

// timelines reads a log.
func timelines(log []firn.Event) map[string]*timeline {
	all := make(map[string]*timeline)
	of := func(stream string) *timeline {
		t := all[stream]
		if t == nil {
			t = &timeline{marks: []mark{{}}}
			all[stream] = t
		}
		return t
	}
	for i := range log {
		e := &log[i]
		if stream, life, ok := firn.LifeOf(e); ok {
			t := of(stream)
			t.put(e.Position, t.last().change(life))
		}
		if firn.IsSystem(e.Stream) {
			continue
		}
		// Readers see whole appends, so the stream stands so at the end of it.
		t := of(e.Stream)
		t.put(e.Position+firn.Position(e.Count-1-e.Index), t.last().append([]firn.Draft{{ID: e.ID}}))
	}
	return all
}

func (t *timeline) last() state { return t.marks[len(t.marks)-1].state }

func (t *timeline) put(at firn.Position, s state) {
	if n := len(t.marks); t.marks[n-1].at == at {
		t.marks[n-1].state = s
		return
	}
	t.marks = append(t.marks, mark{at, s})
}

// at returns how the stream stood at a position.
func (t *timeline) at(p firn.Position) state { return t.marks[t.index(p)].state }

// index returns the last mark at or before p.
func (t *timeline) index(p firn.Position) int {
	i, exact := slices.BinarySearchFunc(t.marks, p, func(m mark, p firn.Position) int { return int(m.at) - int(p) })
	if exact {
		return i
	}
	return i - 1
}

// find returns the first position, floor or later, at which the stream stood so.
// A nil timeline is of a stream that was never written.
func (t *timeline) find(floor firn.Position, so func(state) bool) (firn.Position, bool) {
	if t == nil {
		return floor, so(state{})
	}
	for i := t.index(floor); i < len(t.marks); i++ {
		if so(t.marks[i].state) {
			return max(t.marks[i].at, floor), true
		}
	}
	return 0, false
}

// Hidden returns which events of a log readers no longer see, for [Log.Hidden].
func Hidden(log []firn.Event) []bool {
	streams, hidden := timelines(log), make([]bool, len(log))
	for i := range log {
		if t := streams[log[i].Stream]; t != nil {
			s := t.last()
			hidden[i] = s.tombstoned || log[i].Revision < s.before
		}
	}
	return hidden
}

func sameLife(a, b firn.Life) bool { return reflect.DeepEqual(a, b) }

// String tells a call and its answer in one line.
func (o *Op) String() string {
	ends := "never"
	if o.Return != noEnd {
		ends = fmt.Sprint(o.Return)
	}
	return fmt.Sprintf("client %d, call %d to %s, %s", o.Client, o.Call, ends, o.words())
}

func (o *Op) words() string {
	answer := ""
	if o.Err != nil {
		answer = "error: " + o.Err.Error()
	}
	switch a := o.Asked.(type) {
	case *Append:
		asked := ""
		for i := range a.Writes {
			w := &a.Writes[i]
			asked += fmt.Sprintf(" %s expecting %s:", w.Stream, w.Expect)
			for j := range w.Drafts {
				asked += " " + w.Drafts[j].ID.String()
			}
		}
		if o.Err == nil && o.Return != noEnd {
			for _, w := range a.Told.Writes {
				answer += fmt.Sprintf(" %s@%d-%d", w.Stream, w.FirstRevision, w.LastRevision)
			}
			answer += fmt.Sprintf(" up to position %d, repeated %t", a.Told.Position, a.Told.Repeated)
		}
		return fmt.Sprintf("append%s → %s", asked, answer)
	case *Change:
		return fmt.Sprintf("change %s expecting %s: %T%+v → position %d %s", a.Stream, a.Expect, a.Life, a.Life, a.At, answer)
	case *Read:
		if n := len(a.Shown); n > 0 {
			first, last := &a.Shown[0], &a.Shown[n-1]
			answer = fmt.Sprintf("%d events, %s@%d to %s@%d (%s), position %d %s", n, first.Stream, first.Revision, last.Stream, last.Revision, last.ID, last.Position, answer)
		}
		return fmt.Sprintf("read %s%s from %s at %+v → %s", a.Query.Stream, a.Query.Category, a.Query.From, a.Query.Consistency, answer)
	case *Head:
		return fmt.Sprintf("head at %+v → %d %s", a.Consistency, a.At, answer)
	}
	return ""
}
