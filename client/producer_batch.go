package client

import (
	"context"
	"errors"

	"github.com/firndb/firn"
)

// place is where an item's events stand in a batch.
type place struct {
	write int // which write
	first int // how many events of earlier items stand before them in it
}

// join makes one append of a batch: one write a stream.
func join(batch []*Pending) ([]firn.Write, []place) {
	var writes []firn.Write
	places := make([]place, len(batch))
	index := make(map[string]int)
	for i, item := range batch {
		at, known := index[item.write.Stream]
		if !known {
			at = len(writes)
			index[item.write.Stream] = at
			writes = append(writes, firn.Write{Stream: item.write.Stream})
		}
		places[i] = place{at, len(writes[at].Drafts)}
		writes[at].Drafts = append(writes[at].Drafts, item.write.Drafts...)
	}
	return writes, places
}

// send appends a batch and answers its items.
func (p *Producer) send(batch []*Pending) {
	writes, places := join(batch)
	done, err := p.store.Append(p.ctx, writes...)
	var e *firn.Error
	switch {
	case err == nil:
		for i, item := range batch {
			item.appended = part(&done, places[i], len(item.write.Drafts))
		}
	case len(batch) > 1 && errors.As(err, &e) && e.Retry() == firn.RetryNo:
		for _, item := range batch {
			if item.appended, item.err = p.store.Append(p.ctx, item.write); item.err != nil {
				item.err = ownError(item.err, item)
			}
		}
	default:
		for _, item := range batch {
			item.err = ownError(err, item)
		}
	}
	p.answer(batch)
}

// part is an item's share of the answer to its batch.
func part(done *firn.Appended, at place, events int) firn.Appended {
	w := done.Writes[at.write]
	first, last := uint64(at.first), uint64(at.first+events-1)
	w.LastRevision = w.FirstRevision + firn.Revision(last)
	w.FirstRevision += firn.Revision(first)
	w.LastPosition = w.FirstPosition + firn.Position(last)
	w.FirstPosition += firn.Position(first)
	w.IDs = w.IDs[first : last+1 : last+1]
	return firn.Appended{Writes: []firn.Written{w}, Position: w.LastPosition, Time: done.Time, Repeated: done.Repeated}
}

// ownError is a batch's error for one of its items: an unknown outcome names the
// item's ids, not those of its neighbours. The context is the producer's own.
func ownError(err error, item *Pending) error {
	var e *firn.Error
	if errors.Is(err, context.Canceled) {
		return firn.Errorf(firn.ErrUnavailable, "the producer was closed before this was sent; nothing was done")
	}
	if !errors.As(err, &e) || e.Kind != firn.ErrUnknown {
		return err
	}
	own := *e
	own.Stream, own.IDs = item.write.Stream, item.IDs()
	return &own
}

func (p *Producer) answer(batch []*Pending) {
	p.mu.Lock()
	for _, item := range batch {
		p.bytes -= item.bytes
		p.open--
	}
	p.moving()
	p.mu.Unlock()
	for _, item := range batch {
		close(item.done)
	}
}
