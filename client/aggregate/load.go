package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/firndb/firn"
)

// Aggregate is an aggregate as it was at one revision.
type Aggregate[S any] struct {
	ID       string
	Stream   string
	State    S
	Exists   bool          // State is that of some event
	Revision firn.Revision // of the last event in the state; meaningful where Exists
	Position firn.Position // the past that was loaded, where it was asked for

	expect  firn.Expectation // that nothing was appended since
	tail    int              // events applied since the snapshot, or since the beginning
	version firn.FoldVersion // under which a snapshot is saved
	partial bool             // the beginning of the stream is hidden
}

// Load returns an aggregate as it is now. One that was never written, or is
// deleted, is returned in its first state, with Exists false.
//
// Errors: those of [firn.Store.Read], but for ErrNotFound and ErrDeleted, and
// what Apply returns, with the event.
func (r *Repository[S]) Load(ctx context.Context, id string) (Aggregate[S], error) {
	return r.LoadAt(ctx, id, firn.Point{})
}

// LoadAt returns an aggregate as it was at a point in time.
func (r *Repository[S]) LoadAt(ctx context.Context, id string, at firn.Point) (Aggregate[S], error) {
	a := Aggregate[S]{ID: id, Stream: r.kind.Stream(id), State: r.kind.Start(), expect: firn.None}
	err := r.load(ctx, &a, at)
	switch {
	case errors.Is(err, firn.ErrNotFound), errors.Is(err, firn.ErrDeleted):
		return a, nil
	case err != nil:
		return Aggregate[S]{}, err
	}
	return a, nil
}

func (r *Repository[S]) load(ctx context.Context, a *Aggregate[S], at firn.Point) error {
	ctx, cancel := context.WithCancel(ctx) // lets go of the events, where not all are taken
	defer cancel()
	events := r.store.Read(ctx, firn.Query{Stream: a.Stream, Bound: at})
	if r.snapshots == nil {
		// What is hidden by limits or a truncation counts for the expectation.
		info, err := r.store.Stream(ctx, a.Stream, at)
		if err != nil {
			return err
		}
		a.expect, a.Position = firn.At(info.Revision), info.Position
	} else {
		fold, version := r.kind.fold()
		loaded, err := r.snapshots.Load(ctx, firn.LoadQuery{Stream: a.Stream, Fold: fold, Version: version, Bound: at})
		if err != nil {
			return err
		}
		a.expect, a.Position, events = firn.At(loaded.Revision), loaded.Position, loaded.Events
		a.version, a.partial = loaded.Version, loaded.Partial
		if s := loaded.Snapshot; s != nil {
			state, err := r.kind.decode(s.State)
			if err != nil {
				return fmt.Errorf("the snapshot of %s at revision %d cannot be read (was Version changed with the state?): %w", a.Stream, s.Revision, err)
			}
			a.State, a.Exists, a.Revision = state, true, s.Revision
		}
	}
	for e, err := range events {
		if err == nil {
			err = r.apply(a, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// apply brings an aggregate behind an event of its stream.
func (r *Repository[S]) apply(a *Aggregate[S], e firn.Event) error {
	state, err := r.kind.Apply(a.State, e)
	if err != nil {
		return fmt.Errorf("%s, revision %d (%s): %w", a.Stream, e.Revision, e.Type, err)
	}
	a.State, a.Exists, a.Revision, a.expect = state, true, e.Revision, firn.At(e.Revision)
	a.tail++
	return nil
}
