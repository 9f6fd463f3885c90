package projection

import (
	"context"
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/sleep"
)

// tornWait is how long the rest of an append may take before the runner asks
// whether there is any. It decides about delay, never about what is applied.
const tornWait = 10 * time.Millisecond

// begin learns which history the store has and where its head is, from the mark
// with which a subscription to what is to come begins.
func (f *feed) begin(ctx context.Context) (history firn.ID, head firn.Position, err error) {
	q := f.p.Query
	q.From = firn.EndPoint()
	for failures := 1; ; failures++ {
		for message, err := range f.source.Subscribe(ctx, q) {
			if err != nil {
				if transient(err) == nil {
					return firn.ID{}, 0, err
				}
				f.shown.hinder(err)
			} else if message.Mark != nil && message.Mark.Kind == firn.CaughtUp {
				return message.Mark.History, message.Mark.At, nil
			}
		}
		if err := sleep.For(ctx, f.o.backoff(failures)); err != nil {
			return firn.ID{}, 0, err
		}
	}
}

// transient returns the error if asking the source again can help, else nil.
func transient(err error) *firn.Error {
	var e *firn.Error
	if errors.As(err, &e) && e.Retry() == firn.RetrySafe {
		return e
	}
	return nil
}

// read puts what comes behind a checkpoint into the inbox, until it cannot go
// on. A source that is away for a while is asked again.
func (f *feed) read(ctx context.Context, history firn.ID) {
	failures := 0
	for {
		q := f.p.Query
		q.History = history
		if at := f.inbox.cutBack(); at > 0 {
			q.From = firn.PositionPoint(at + 1)
		}
		var failed error
		for message, err := range f.source.Subscribe(ctx, q) {
			if failed = err; failed != nil {
				break
			}
			next := item{event: message.Event, mark: message.Mark}
			if next.mark == nil && early(f.p.Query.From, &next.event) {
				if !next.event.AppendEnd() {
					continue
				}
				next = item{mark: &firn.Mark{Kind: firn.Checkpoint, At: next.event.Position, History: history}} // passed all the same
			}
			if err := f.inbox.put(ctx, next); err != nil {
				return
			}
			if failures > 0 {
				failures = 0
				f.shown.hinder(nil)
			}
			if message.Mark != nil && !message.Mark.History.IsZero() {
				history = message.Mark.History
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case failed == nil:
			f.inbox.fail(firn.Errorf(firn.ErrInternal, "the subscription has ended without an error"))
			return
		case transient(failed) == nil:
			f.inbox.fail(failed)
			return
		}
		failures++
		f.shown.hinder(failed)
		if sleep.For(ctx, f.o.backoff(failures)) != nil {
			return
		}
	}
}

// early reports whether an event comes before the point at which the projection
// begins, where that was yet to come when the checkpoint was written.
func early(from firn.Point, e *firn.Event) bool {
	switch from.Kind() {
	case firn.PointRevision:
		return e.Revision < from.Revision()
	case firn.PointPosition:
		return e.Position < from.Position()
	case firn.PointMoment:
		return e.Time.Before(from.Moment())
	}
	return false
}

// mend settles whether more comes of an append whose last event was left out by
// the query: it looks at what a second subscription begins with behind the last
// event that came. Without this the append's beginning would wait for whatever
// is appended next.
func (f *feed) mend(ctx context.Context, last item) error {
	q := f.p.Query
	q.From = firn.PositionPoint(last.event.Position + 1)
	end := last.appendEnd()
	for message, err := range f.source.Subscribe(ctx, q) {
		switch {
		case err != nil:
			return err
		case message.Mark == nil && message.Event.Position <= end:
			return nil // there is more, and it is on its way
		case message.Mark == nil || message.Mark.At >= end:
			f.inbox.mend(last.event.Position)
			return nil
		}
	}
	return nil
}
