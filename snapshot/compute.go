package snapshot

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// Computed is a state, and which past it is the state of.
type Computed struct {
	State    []byte        // compact JSON
	Empty    bool          // there was neither an event nor a snapshot: the state is the fold's initial one
	Revision firn.Revision // of the last event that is in it
	Events   int           // that were applied, behind the snapshot

	// Of the last event; zero where none was applied, since a snapshot does not
	// know them.
	Position firn.Position
	Time     time.Time
}

// Compute applies events, in the order in which they come, to a snapshot (nil:
// to the fold's initial state). The error is that of an event that could not be
// read, or an ErrProgram that says at which event the fold failed, and why; or an
// ErrDamaged where the snapshot cannot be read, which is then best passed over.
func Compute(ctx context.Context, f Fold, from *firn.Snapshot, events iter.Seq2[firn.Event, error]) (Computed, error) {
	return compute(ctx, f, from, events, nil)
}

// compute calls after, where it is given, with the state after each event.
func compute(ctx context.Context, f Fold, from *firn.Snapshot, events iter.Seq2[firn.Event, error], after func(*firn.Event, State) error) (Computed, error) {
	c := Computed{Empty: from == nil}
	var start []byte
	if from != nil {
		c.Revision = from.Revision
		if start = from.State; start == nil {
			start = []byte{} // a snapshot without a state is damaged, not the beginning
		}
	}
	s, err := f.Start(start)
	if err != nil {
		return c, err
	}
	for e, err := range events {
		if err != nil {
			return c, err
		}
		if e.Fault != nil {
			return c, e.Fault // what an upcaster has failed at is not what the fold was made for
		}
		if err := s.Apply(ctx, &e); err != nil {
			return c, err
		}
		c.Empty, c.Revision, c.Position, c.Time = false, e.Revision, e.Position, e.Time
		c.Events++
		if after != nil {
			if err := after(&e, s); err != nil {
				return c, err
			}
		}
	}
	c.State, err = s.JSON()
	return c, err
}

// IsFoldFailure reports whether an error of [Compute] is the fold's, and at which
// position.
func IsFoldFailure(err error) (firn.Position, bool) {
	var e *firn.Error
	if errors.As(err, &e) && e.Kind == firn.ErrProgram && len(e.Positions) == 1 {
		return e.Positions[0], true
	}
	return 0, false
}

// Reason is what an error of [Compute] says beside the fold and the event at
// which it failed.
func Reason(f Fold, e *firn.Event, err error) string {
	return strings.TrimPrefix(err.Error(), where(f.Name(), e))
}
