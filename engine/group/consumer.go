package group

import (
	"context"
	"errors"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// Consumer is one consumer of a group. Next is for one goroutine, the other
// methods for any number of them.
type Consumer struct {
	c     *Coordinator
	limit uint32        // deliveries that it wants to hold; 0: as many as the group allows
	woken chan struct{} // it was handed something
	gone  chan struct{} // closed by Close

	// Guarded by c.mu.
	closed  bool
	leaving bool    // it has given something back: it is handed nothing more
	holds   int     // deliveries that are not answered
	got     []*item // handed over while it waits
}

// ErrClosed is what a closed consumer answers.
var ErrClosed = errors.New("the consumer is closed")

// Delivery is an event for a consumer, as it lies in the store.
type Delivery struct {
	record.Stored // the bytes are not to be changed
	Token         firn.Token
	Attempt       uint32
	Replay        bool
}

// Consume joins the group. The consumer holds at most inFlight deliveries, and
// no more than the group allows, which 0 asks for.
func (c *Coordinator) Consume(inFlight uint32) (*Consumer, error) {
	consumer := &Consumer{c: c, limit: inFlight, woken: make(chan struct{}, 1), gone: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return nil, c.over
	}
	c.consumers[consumer] = struct{}{}
	c.poke()
	return consumer, nil
}

// Next returns the next deliveries, at least one and at most most of them. It
// waits until there is one. The error is the context's, or says why the
// coordinator has ended.
func (u *Consumer) Next(ctx context.Context, most int) (deliveries []Delivery, err error) {
	for len(deliveries) == 0 && err == nil {
		var items []*item
		if items, err = u.next(ctx, most); err == nil {
			deliveries, err = u.deliveries(items)
		}
	}
	return deliveries, err
}

func (u *Consumer) deliveries(items []*item) ([]Delivery, error) {
	c := u.c
	deliveries, handed := make([]Delivery, 0, len(items)), make([]*item, 0, len(items))
	c.mu.Lock()
	for _, it := range items {
		if it.consumer != u {
			continue // its lease has ended already
		}
		deliveries = append(deliveries, Delivery{
			Stored: record.Stored{Stream: it.stream, Position: it.position, Bytes: it.stored},
			Token:  firn.Token{Epoch: c.o.Epoch, Number: it.number}, Attempt: it.attempts + 1, Replay: it.replay,
		})
		handed = append(handed, it)
		c.drop(it)
	}
	c.mu.Unlock()
	c.poke() // there is room for more
	there := deliveries[:0]
	for i, d := range deliveries {
		var err error
		if d.Bytes == nil {
			d.Stored, err = c.o.Engine.RecordAt(d.Position)
		}
		if errors.Is(err, firn.ErrNotFound) {
			c.skip(handed[i], d.Token.Number)
			continue
		}
		if err != nil {
			return nil, err
		}
		there = append(there, d)
	}
	return there, nil
}

// skip settles a delivery of an event that was scavenged before anybody had it.
func (c *Coordinator) skip(it *item, number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if it.number != number {
		return // its lease has ended already
	}
	c.undo(it)
	it.answer = answer{outcome: firn.Skip, at: c.o.Now()}
	c.answered = append(c.answered, it)
	c.poke()
}

func (u *Consumer) next(ctx context.Context, most int) ([]*item, error) {
	c := u.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := u.refusal(); err != nil {
			return nil, err
		}
		items := u.got
		u.got = nil
		for share := c.share(u, most); len(items) < share && c.ready.len() > 0 && u.room(); {
			items = append(items, c.hand(u, c.ready.pop()))
		}
		if len(items) > 0 {
			return items, nil
		}
		c.waiting = append(c.waiting, u)
		c.mu.Unlock()
		var err error
		select {
		case <-u.woken:
		case <-u.gone:
		case <-c.ended:
		case <-ctx.Done():
			err = ctx.Err()
		}
		c.mu.Lock()
		if i := slices.Index(c.waiting, u); i >= 0 {
			c.waiting = slices.Delete(c.waiting, i, i+1)
		}
		if err != nil {
			got := u.got
			u.got = nil
			c.takeBack(got)
			return nil, err
		}
	}
}

// refusal says why the consumer gets nothing any more, or nil.
func (u *Consumer) refusal() error {
	if u.c.over != nil {
		return u.c.over
	}
	if u.closed {
		return ErrClosed
	}
	return nil
}

func (u *Consumer) room() bool {
	if u.leaving {
		return false
	}
	limit := u.c.group.InFlight
	if u.limit > 0 {
		limit = min(limit, u.limit)
	}
	return u.holds < int(limit)
}

// share returns how many deliveries a consumer takes at once: so many that,
// with all that could be delivered now, each would hold as many. Whoever waits
// has been served before.
func (c *Coordinator) share(u *Consumer, most int) int {
	n := max(1, len(c.consumers))
	even := (c.ready.len() + len(c.delivered) + n - 1) / n
	return max(1, min(most, even-u.holds))
}

// dispatch hands what is ready to those who wait: always to the one that holds
// the fewest, so that the work is spread evenly. mu is held.
func (c *Coordinator) dispatch() {
	for c.ready.len() > 0 {
		var least *Consumer
		for _, u := range c.waiting {
			if u.room() && (least == nil || u.holds < least.holds) {
				least = u
			}
		}
		if least == nil {
			return
		}
		least.got = append(least.got, c.hand(least, c.ready.pop()))
		c.waiting = slices.Delete(c.waiting, slices.Index(c.waiting, least), slices.Index(c.waiting, least)+1)
		select {
		case least.woken <- struct{}{}:
		default:
		}
	}
}

// hand begins a delivery. mu is held.
func (c *Coordinator) hand(u *Consumer, it *item) *item {
	now := c.o.Now()
	c.number++
	it.number, it.consumer, it.deadline = c.number, u, now.Add(c.group.Lease)
	if planted.Is(planted.TokenOfEvent) { // an event's deliveries share one token
		it.number = uint64(it.position)
	}
	c.delivered[it.number] = it
	u.holds++
	if c.leaseAt.IsZero() || it.deadline.Before(c.leaseAt) {
		c.leaseAt = it.deadline
		c.poke()
	}
	c.rates.delivered.add(now, 1)
	return it
}

// undo ends a delivery without an answer. mu is held.
func (c *Coordinator) undo(it *item) {
	delete(c.delivered, it.number)
	it.consumer.holds--
	it.consumer, it.number = nil, 0
}

// takeBack makes items ready again that were handed out in vain. mu is held.
func (c *Coordinator) takeBack(items []*item) {
	items = slices.DeleteFunc(items, func(it *item) bool { return it.consumer == nil })
	for _, it := range items {
		c.undo(it)
	}
	c.offerAgain(items)
}

// offerAgain makes items ready that were taken from their consumers. mu is held.
func (c *Coordinator) offerAgain(items []*item) {
	slices.SortFunc(items, func(a, b *item) int {
		if a.position < b.position {
			return -1
		}
		return 1
	})
	c.ready.giveBack(items)
	c.dispatch()
}

// Close gives back what is not answered. What the consumer has held for longest
// counts as a failed attempt: where it has taken the consumer down with it,
// again and again, it is parked in the end.
func (u *Consumer) Close() error {
	c := u.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if u.closed {
		return nil
	}
	u.closed = true
	close(u.gone)
	delete(c.consumers, u)
	u.got = nil
	var back []*item
	var oldest *item
	for _, it := range c.delivered {
		if it.consumer == u {
			back = append(back, it)
			if oldest == nil || it.number < oldest.number {
				oldest = it
			}
		}
	}
	if oldest != nil {
		back = slices.DeleteFunc(back, func(it *item) bool { return it == oldest })
		c.fail(oldest, "the consumer has gone without an answer")
	}
	c.takeBack(back)
	c.poke()
	return nil
}
