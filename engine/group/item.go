package group

import (
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// item is an event that the group has in memory: to be delivered, delivered, or
// answered.
type item struct {
	// Set when made, then read only.
	stream   string
	revision uint64
	position firn.Position
	time     int64 // µs
	replay   bool

	// Owned by the loop.
	lane  *lane          // nil: it waits for no other
	aside *command.Aside // what it stands for where it is aside by itself
	out   bool           // by the newest step, applied or not, it is no longer open
	done  bool           // so by a step that is applied

	// Guarded by mu.
	stored   []byte // the record; nil once it was handed out
	attempts uint32 // that have failed
	number   uint64 // of its delivery; 0: it is not delivered
	consumer *Consumer
	deadline time.Time
	answer   answer
}

// answer is what became of a delivery.
type answer struct {
	outcome firn.Outcome
	at      time.Time     // of the failure
	delay   time.Duration // RetryLater
	reason  string
	call    *call // who waits until it is kept; nil: nobody
}

// lane is a stream of which events are in memory, in order. Only the first may
// be delivered.
type lane struct {
	stream string
	items  []*item

	// Of a stream that is aside and catches up: the flow passes over it.
	aside *command.Aside // what holds it, by the newest step; nil: it is in the flow
	next  uint64         // the revision to read from
	more  bool           // there may be events from next on that the flow has passed over

	leaving  bool // a step is under way by which nothing holds it any more
	overflow bool // it takes too much of the flow, and is to be set aside
}

// asideKey tells asides apart.
type asideKey struct {
	position firn.Position
	stream   string
}

func keyOf(a *command.Aside) asideKey { return asideKey{a.Position, string(a.Stream)} }

// queue holds the items that can be delivered, in order.
type queue struct {
	items []*item
	first int
}

func (q *queue) len() int { return len(q.items) - q.first }

func (q *queue) push(it *item) {
	if q.first > 1024 && q.first > len(q.items)/2 {
		rest := copy(q.items, q.items[q.first:])
		clear(q.items[rest:])
		q.items, q.first = q.items[:rest], 0
	}
	q.items = append(q.items, it)
}

func (q *queue) pop() *item {
	it := q.items[q.first]
	q.items[q.first] = nil
	q.first++
	return it
}

// giveBack puts items, in order, before all others.
func (q *queue) giveBack(items []*item) {
	all := make([]*item, 0, len(items)+q.len())
	q.items, q.first = append(append(all, items...), q.items[q.first:]...), 0
}
