package projection

import (
	"context"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// item is an event or a mark on its way from the subscription to a transaction.
type item struct {
	event firn.Event
	mark  *firn.Mark // nil: it is the event
	end   bool       // of its append, nothing more that is followed comes
}

// upTo is the position up to which everything that is followed has been seen,
// once the item ends its append.
func (i *item) upTo() firn.Position {
	if i.mark != nil {
		return i.mark.At
	}
	return i.appendEnd()
}

// appendEnd is the position of the last event of the event's append, which a
// filter may have left out.
func (i *item) appendEnd() firn.Position {
	return i.event.Position + firn.Position(i.event.Count-1-i.event.Index)
}

// position is where the item lies.
func (i *item) position() firn.Position {
	if i.mark != nil {
		return i.mark.At
	}
	return i.event.Position
}

// told reports whether there is anything in the item for a handler.
func (i *item) told() bool { return i.mark == nil || i.mark.Kind == firn.LifeMark }

// inbox holds what the subscription has sent and no transaction has taken yet:
// about two batches, so that one is received while the other is applied.
type inbox struct {
	events, bytes int           // bounds of a batch; read only
	filled        chan struct{} // signals the one who takes
	drained       chan struct{} // signals the one who puts

	mu    sync.Mutex
	items []item
	held  int           // bytes of the items
	at    firn.Position // up to which all that is followed was put, to the end of an append
	err   error         // why nothing more comes
}

func newInbox(at firn.Position, events, bytes int) *inbox {
	return &inbox{at: at, events: events, bytes: bytes, filled: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put adds an item, and notes what it says about the one before: an event of
// another append, or a mark, follows the end of an append.
func (b *inbox) put(ctx context.Context, next item) error {
	if next.mark == nil {
		next.end = next.event.AppendEnd()
	} else {
		next.end = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.items) >= 2*b.events || b.held >= 2*b.bytes {
		if b.whole() == 0 {
			break // one large append: it has to be taken whole
		}
		b.mu.Unlock()
		select {
		case <-b.drained:
		case <-ctx.Done():
		}
		b.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if n := len(b.items); n > 0 {
		last := &b.items[n-1]
		if next.mark != nil || next.event.Position > last.upTo() {
			last.end = true
			b.at = last.upTo()
		}
		if !next.told() && !last.told() { // marks that only tell how far it is: the last one says it all
			b.items = b.items[:n-1]
			if last.mark.Kind == firn.CaughtUp {
				caughtUp := *next.mark
				caughtUp.Kind = firn.CaughtUp
				next.mark = &caughtUp
			}
		}
	}
	b.items = append(b.items, next)
	b.held += next.size()
	if next.end {
		b.at = next.upTo()
	}
	signal(b.filled)
	return nil
}

func (i *item) size() int { return len(i.event.Data) + len(i.event.Metadata) }

// whole returns how many items end with the first append.
func (b *inbox) whole() int {
	for i := range b.items {
		if b.items[i].end {
			return i + 1
		}
	}
	return 0
}

// take returns items up to the end of an append: as many as a batch may have, at
// least one append. Nothing and no error means that the time is over, or that
// an append's end is awaited for longer than usual, see torn. An error of the
// subscription comes after everything that it had sent.
func (b *inbox) take(ctx context.Context, wait time.Duration) ([]item, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		if taken, err := b.cut(); taken != nil || err != nil {
			return taken, err
		}
		if _, torn := b.torn(); torn {
			over.Reset(min(wait, tornWait))
		}
		select {
		case <-b.filled:
		case <-over.C:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (b *inbox) cut() ([]item, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, bytes, ahead := 0, 0, 0 // of whole appends; and of what lies ahead
	for i := range b.items {
		ahead += b.items[i].size()
		if n > 0 && (i >= b.events || ahead > b.bytes) {
			break
		}
		if b.items[i].end {
			n, bytes = i+1, ahead
		}
	}
	if n == 0 {
		return nil, b.err
	}
	taken := b.items[:n:n]
	b.items = b.items[n:]
	b.held -= bytes
	signal(b.drained)
	return taken, nil
}

// torn returns the event with which the inbox ends in the middle of an append,
// as far as is known, when there is nothing else in it.
func (b *inbox) torn() (last item, yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.items); n > 0 && b.whole() == 0 {
		return b.items[n-1], true
	}
	return item{}, false
}

// mend tells that nothing of the event's append comes behind the event.
func (b *inbox) mend(at firn.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.items); n > 0 && b.items[n-1].mark == nil && b.items[n-1].event.Position == at {
		b.items[n-1].end = true
		b.at = b.items[n-1].upTo()
	}
}

// cutBack forgets the beginning of an append whose end did not come, and returns
// the position behind which to ask again.
func (b *inbox) cutBack() firn.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := len(b.items); n > 0 && !b.items[n-1].end; n-- {
		b.held -= b.items[n-1].size()
		b.items = b.items[:n-1]
	}
	return b.at
}

// fail tells that nothing more comes.
func (b *inbox) fail(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	signal(b.filled)
}
