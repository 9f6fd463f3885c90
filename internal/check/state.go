package check

import (
	"errors"
	"fmt"

	"github.com/firndb/firn"
)

// state is what calls can tell of one stream. It is comparable.
type state struct {
	next       firn.Revision // of the next event
	before     firn.Revision // events below it are hidden
	last       firn.ID       // of the event before next
	deleted    bool
	tombstoned bool
}

func (s state) String() string {
	switch {
	case s.tombstoned:
		return fmt.Sprintf("tombstoned at next revision %d", s.next)
	case s.deleted:
		return fmt.Sprintf("deleted at next revision %d", s.next)
	}
	return fmt.Sprintf("next revision %d, hidden before %d, last event %s", s.next, s.before, s.last)
}

// meets is the table of expectations: see docs/consistency.md. written says
// that there are drafts.
func (s state) meets(e firn.Expectation, written bool) bool {
	exact, isExact := e.Exact()
	switch {
	case s.tombstoned:
		return e == firn.None && !written
	case isExact:
		return s.next > 0 && exact == s.next-1
	case e == firn.None:
		return s.next == 0 || s.deleted
	case e == firn.Exists:
		return s.next > 0 && !s.deleted
	}
	return true
}

// append appends drafts.
func (s state) append(drafts []firn.Draft) state {
	if len(drafts) > 0 {
		s.next += firn.Revision(len(drafts))
		s.last, s.deleted = drafts[len(drafts)-1].ID, false
	}
	return s
}

// change changes the stream's life.
func (s state) change(life firn.Life) state {
	switch l := life.(type) {
	case firn.Delete:
		s.deleted, s.before = true, s.next
	case firn.Tombstone:
		s.tombstoned = true
	case firn.Truncate:
		s.before = max(s.before, l.Before)
	}
	return s
}

// refuses returns why the stream cannot be read or deleted, 0 where it can.
func (s state) refuses() firn.Kind {
	switch {
	case s.tombstoned:
		return firn.ErrTombstoned
	case s.deleted:
		return firn.ErrDeleted
	case s.next == 0:
		return firn.ErrNotFound
	}
	return 0
}

// allows reports whether a change with this expectation is made.
func (s state) allows(c *Change) bool {
	if s.tombstoned || !s.meets(c.Expect, true) {
		return false
	}
	switch l := c.Life.(type) {
	case firn.Delete:
		return s.refuses() == 0
	case firn.Truncate:
		return s.refuses() == 0 && l.Before <= s.next
	}
	return true
}

// conflicts reports whether the state explains the refusal of an expectation on
// this stream.
func (s state) conflicts(expect firn.Expectation, written bool, err error) bool {
	var conflict *firn.ConflictError
	if errors.As(err, &conflict) {
		actual := firn.None
		if s.next > 0 {
			actual = firn.At(s.next - 1)
		}
		return !s.tombstoned && !s.meets(expect, written) && conflict.Actual == actual && conflict.Deleted == s.deleted
	}
	return s.tombstoned && errors.Is(err, firn.ErrTombstoned)
}

// shows reports whether a read of the stream from a revision on shows this.
func (s state) shows(from firn.Revision, shown []firn.Event, err error) bool {
	if why := s.refuses(); why != 0 || err != nil {
		return why != 0 && errors.Is(err, why)
	}
	first := max(from, s.before)
	if first >= s.next {
		return len(shown) == 0
	}
	n := len(shown)
	return firn.Revision(n) == s.next-first && shown[0].Revision == first && shown[n-1].Revision == s.next-1 && shown[n-1].ID == s.last
}

// refusedBy returns which of an append's writes an error is about, -1 where the
// error does not say how the stream stands.
func refusedBy(writes []firn.Write, err error) int {
	var e *firn.Error
	if !errors.As(err, &e) || e.Kind != firn.ErrConflict && e.Kind != firn.ErrTombstoned {
		return -1
	}
	for i := range writes {
		if writes[i].Stream == e.Stream {
			return i
		}
	}
	return -1
}

// fromRevision is where a read of a stream begins.
func fromRevision(q *firn.Query) firn.Revision {
	if q.From.Kind() == firn.PointRevision {
		return q.From.Revision()
	}
	return 0
}

func linearizable(c firn.Consistency) bool { return !c.Local && c.AtLeast == 0 }
