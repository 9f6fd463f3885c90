package bench

import (
	"context"

	"github.com/firndb/firn"
)

// writer is one client that appends: drafts after drafts to one stream, until
// that is finished, then to a new one.
type writer struct {
	store  firn.Store
	pool   *pool
	drafts []firn.Draft // of one call; without ids, so that new ones are made each time

	stream string
	next   firn.Revision
}

func newWriter(store firn.Store, p *pool, data []byte, events int) *writer {
	w := &writer{store: store, pool: p, drafts: make([]firn.Draft, events), stream: p.newName()}
	for i := range w.drafts {
		w.drafts[i] = firn.Draft{Type: eventType, Data: data}
	}
	return w
}

// append is one call. After an error the client moves on to a new stream: where
// the old one ends is not known to it any more.
func (w *writer) append(ctx context.Context, lap func(events int) bool) error {
	expect := firn.None
	if w.next > 0 {
		expect = firn.At(w.next - 1)
	}
	drafts := w.drafts[:min(len(w.drafts), w.pool.length-int(w.next))]
	done, err := w.store.Append(ctx, firn.To(w.stream, expect, drafts...))
	if err == nil {
		err = w.check(done, len(drafts))
	}
	if err != nil {
		w.begin()
		return err
	}
	lap(len(drafts))
	w.next += firn.Revision(len(drafts))
	if int(w.next) >= w.pool.length {
		w.pool.finish(w.stream)
		w.begin()
	}
	return nil
}

func (w *writer) begin() { w.stream, w.next = w.pool.newName(), 0 }

// check holds the answer against what was asked for.
func (w *writer) check(done firn.Appended, events int) error {
	last := w.next + firn.Revision(events) - 1
	if len(done.Writes) != 1 || done.Repeated {
		return firn.Errorf(firn.ErrInternal, "an append to %q was answered with %d writes (repeated: %t)", w.stream, len(done.Writes), done.Repeated)
	}
	if got := done.Writes[0]; got.FirstRevision != w.next || got.LastRevision != last {
		return firn.Errorf(firn.ErrInternal, "an append to %q was answered with revisions %d to %d; it was to give %d to %d",
			w.stream, got.FirstRevision, got.LastRevision, w.next, last)
	}
	return nil
}
