package aggregate

import (
	"context"
	"errors"

	"github.com/firndb/firn"
)

// Decision is what a command comes to: drafts to append, none for nothing, or
// an error, which nothing is appended for. It may be asked several times.
type Decision[S any] func(a Aggregate[S]) ([]firn.Draft, error)

// Decide loads an aggregate, has it decided on, and appends what was decided, on
// the condition that nothing came in between; else it decides again on what
// came, at most Options.Tries times. It returns the aggregate behind the
// decision, and what the store answered.
//
// command is the command's id: where it is not zero, a draft without an id gets
// the id [firn.DeriveID] makes of it and of the draft's place. A command that
// was done before is then answered with its first result, Repeated set, where
// the decision comes to the same drafts; where it does not (since the state is
// another by now, as it often will be), with the error ErrIDReused, and nothing
// is done. A decision that looks for what its own command has done returns no
// drafts instead.
//
// Errors: those of the decision as they are; those of Load and of
// [firn.Store.Append]; ErrConflict when the tries are used up.
func (r *Repository[S]) Decide(ctx context.Context, id string, command firn.ID, decide Decision[S]) (Aggregate[S], firn.Appended, error) {
	a, err := r.Load(ctx, id)
	for try := 1; err == nil; try++ {
		var drafts []firn.Draft
		if drafts, err = decide(a); err != nil || len(drafts) == 0 {
			return a, firn.Appended{}, err
		}
		derive(drafts, command)
		var done firn.Appended
		if a, done, err = r.Save(ctx, a, drafts...); err == nil {
			return a, done, nil
		}
		if !errors.Is(err, firn.ErrConflict) || try == r.options.Tries {
			return a, firn.Appended{}, err
		}
		// What came in between need not be small, nor the stream be the one it
		// was: it is loaded anew.
		a, err = r.Load(ctx, id)
	}
	return a, firn.Appended{}, err
}

// derive gives drafts that have none ids that follow from the command's.
func derive(drafts []firn.Draft, command firn.ID) {
	for i := range drafts {
		switch {
		case !drafts[i].ID.IsZero():
		case command.IsZero():
			drafts[i].ID = firn.NewID()
		default:
			drafts[i].ID = firn.DeriveID(command, i)
		}
	}
}

// Save appends drafts to an aggregate as it was loaded, on the condition that
// nothing came since (else ErrConflict), and returns it behind them. Where the
// snapshots' turn has come, one is kept; that it could not be is no error.
func (r *Repository[S]) Save(ctx context.Context, a Aggregate[S], drafts ...firn.Draft) (Aggregate[S], firn.Appended, error) {
	if len(drafts) == 0 {
		return a, firn.Appended{}, nil
	}
	derive(drafts, firn.ID{})
	done, err := r.store.Append(ctx, firn.To(a.Stream, a.expect, drafts...))
	if err != nil {
		return a, firn.Appended{}, err
	}
	w := done.Writes[0]
	if done.Repeated {
		// What came behind the first time is in the state already, or is not.
		a, err = r.Load(ctx, a.ID)
		return a, done, err
	}
	for i := range drafts {
		if err := r.apply(&a, written(&drafts[i], &done, i)); err != nil {
			return a, done, err
		}
	}
	a.Position = w.LastPosition
	r.keep(ctx, &a)
	return a, done, nil
}

// written is the event that a draft of the append's only write became.
func written(d *firn.Draft, done *firn.Appended, i int) firn.Event {
	w := &done.Writes[0]
	e := firn.Event{
		Stream: w.Stream, Revision: w.FirstRevision + firn.Revision(i), Position: w.FirstPosition + firn.Position(i), Time: done.Time,
		ID: d.ID, Type: d.Type, Schema: d.Schema, ContentType: d.ContentType, Data: d.Data, Metadata: d.Metadata,
		CorrelationID: d.CorrelationID, CausationID: d.CausationID, Occurred: d.Occurred,
		Index: uint32(i), Count: uint32(w.LastRevision-w.FirstRevision) + 1,
	}
	if e.ContentType == "" {
		e.ContentType = firn.JSON
	}
	return e
}

// keep makes a snapshot where enough events came since the last one. The
// aggregate is what it is without one, so errors are passed over, and told only
// to Options.OnSnapshot.
func (r *Repository[S]) keep(ctx context.Context, a *Aggregate[S]) {
	if r.snapshots == nil || a.version == (firn.FoldVersion{}) || a.tail < r.options.SnapshotEvery {
		return
	}
	fold, _ := r.kind.fold()
	state, err := r.kind.encode(a.State)
	if err == nil {
		err = r.snapshots.SaveSnapshot(ctx, firn.Snapshot{
			Stream: a.Stream, Fold: fold, Version: a.version, Revision: a.Revision, State: state, Partial: a.partial,
		})
	}
	if err == nil {
		a.tail = 0
	}
	if r.options.OnSnapshot != nil {
		r.options.OnSnapshot(a.Stream, a.Revision, err)
	}
}
