package replication

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// How items become entries.
const (
	entryBytesMax  = 512 << 10 // of an entry of several items; a larger item has an entry of its own
	itemBytesMax   = 16 << 20
	flightsMax     = 2
	flightBytesMax = 4 << 20
)

// coalescer joins items into Raft entries. What arrives while entries are on
// their way forms the next one, so an idle system sends at once and a busy one
// batches by itself; there is no timer. At most two entries and 4 MiB are on
// their way, so that heartbeats are never behind more than that.
type coalescer struct {
	// set when made, then read only
	limit int64
	send  func(items [][]byte) raft.ApplyFuture // builds the entry and hands it to Raft
	note  func(error)                           // is told how each entry ended
	fail  func(error) error                     // says what that means to a caller, where it ended badly
	entry func(items, bytes int, took time.Duration)
	wake  chan struct{} // something changed that run waits for

	sending sync.Mutex // held by whoever forms entries and hands them to Raft; taken before mu

	mu      sync.Mutex
	queue   []*item
	held    int64     // bytes of all items queued or on their way
	flights [][]*item // the items of each entry on its way
	flying  int64
	stopped error
	idle    chan struct{} // closed when nothing is on its way, where drain waits
}

// item is one caller's request.
type item struct {
	data    []byte
	outcome chan outcome // takes exactly one
	sent    bool         // guarded by coalescer.mu; it has left the queue
}

type outcome struct {
	result command.Result
	err    error
}

// applied is what the FSM answers for one entry.
type applied struct {
	results []command.Result
	err     error
}

// propose waits until the item is applied, or is known not to be, or ctx ends.
func (c *coalescer) propose(ctx context.Context, data []byte) (command.Result, error) {
	if ctx.Err() != nil {
		return command.Result{}, unsent(ctx)
	}
	it := &item{data: data, outcome: make(chan outcome, 1)}
	idle, err := c.enqueue(it)
	if err != nil {
		return command.Result{}, err
	}
	if idle && c.sending.TryLock() {
		c.sendAll() // one hand-over between goroutines less, for a caller who is alone
		c.sending.Unlock()
	} else {
		c.poke()
	}
	select {
	case o := <-it.outcome:
		return o.result, o.err
	case <-ctx.Done():
	}
	if c.withdraw(it) {
		return command.Result{}, unsent(ctx)
	}
	return command.Result{}, firn.Errorf(firn.ErrUnknown, "the caller's time ran out while the append was on its way (%v); it may have been done: repeat it with the same ids", ctx.Err())
}

// unsent says that the caller's context ended before anything was done.
func unsent(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return firn.Errorf(firn.ErrTimeout, "the caller's time ran out before the append was sent; nothing was done")
	}
	return ctx.Err()
}

// enqueue takes an item in. idle says that nothing else was on its way.
func (c *coalescer) enqueue(it *item) (idle bool, err error) {
	n := int64(len(it.data))
	if n == 0 || n > itemBytesMax {
		return false, firn.Errorf(firn.ErrTooLarge, "an item of %d bytes; it must have 1 to %d", n, itemBytesMax)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stopped != nil:
		return false, c.stopped
	case c.held+n > c.limit:
		return false, firn.Errorf(firn.ErrBusy, "%d bytes of appends are waiting on this node, the limit is %d; try again", c.held, c.limit)
	}
	c.queue = append(c.queue, it)
	c.held += n
	return len(c.flights) == 0, nil
}

// withdraw takes an item out of the queue. It reports whether it was there.
func (c *coalescer) withdraw(it *item) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if it.sent {
		return false
	}
	for i, q := range c.queue {
		if q == it {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			c.held -= int64(len(it.data))
			return true
		}
	}
	return false
}

// poke wakes run.
func (c *coalescer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run sends entries until done is closed.
func (c *coalescer) run(done <-chan struct{}) {
	for {
		select {
		case <-c.wake:
			c.sending.Lock()
			c.sendAll()
			c.sending.Unlock()
		case <-done:
			return
		}
	}
}

// sendAll sends what is queued, as far as it may be on its way. The caller
// holds sending, so entries leave in the order in which they were formed.
func (c *coalescer) sendAll() {
	for {
		items, bytes := c.next()
		if items == nil {
			return
		}
		data := make([][]byte, len(items))
		for i, it := range items {
			data[i] = it.data
		}
		start := time.Now()
		future := c.send(data)
		go c.land(items, bytes, start, future)
	}
}

// next takes the items of the next entry off the queue; nil where there are
// none, or enough is on its way.
func (c *coalescer) next() (items []*item, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.flights) >= flightsMax {
		return nil, 0
	}
	for _, it := range c.queue {
		n := int64(len(it.data))
		if len(items) > 0 && bytes+n > entryBytesMax {
			break
		}
		items, bytes = append(items, it), bytes+n
	}
	// A single entry may be larger than what may be on its way; it then goes alone.
	if len(items) == 0 || len(c.flights) > 0 && c.flying+bytes > flightBytesMax {
		return nil, 0
	}
	for _, it := range items {
		it.sent = true
	}
	rest := copy(c.queue, c.queue[len(items):])
	clear(c.queue[rest:])
	c.queue = c.queue[:rest]
	c.flights = append(c.flights, items)
	c.flying += bytes
	return items, bytes
}

// land waits for an entry's future and answers its items. Raft may lose a
// future when it shuts down; then this goroutine stays behind, and the callers
// get their answer from abandon.
func (c *coalescer) land(items []*item, bytes int64, start time.Time, future raft.ApplyFuture) {
	err := future.Error()
	c.note(err)
	var got applied
	if err == nil {
		got, _ = future.Response().(applied)
		err = got.err
		if err == nil && len(got.results) != len(items) {
			err = errNoResults
		}
	}
	if err == nil && c.entry != nil {
		c.entry(len(items), int(bytes), time.Since(start))
	}
	if err != nil {
		err = c.fail(err)
	}
	for i, it := range items {
		o := outcome{err: err}
		if err == nil {
			o.result = got.results[i]
		}
		it.answer(o)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flights = slices.DeleteFunc(c.flights, func(f []*item) bool { return f[0] == items[0] })
	c.flying -= bytes
	c.held -= bytes
	if len(c.flights) == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
	c.poke()
}

var errNoResults = errors.New("the entry was applied without results")

func (it *item) answer(o outcome) {
	select {
	case it.outcome <- o:
	default: // abandon has answered already
	}
}

// stop refuses everything that is queued, and everything that comes, with err.
func (c *coalescer) stop(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = err
	for _, it := range c.queue {
		it.sent = true
		c.held -= int64(len(it.data))
		it.answer(outcome{err: err})
	}
	c.queue = nil
}

// abandon answers everything that is on its way with err. What becomes of it is
// not known here.
func (c *coalescer) abandon(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, items := range c.flights {
		for _, it := range items {
			it.answer(outcome{err: err})
		}
	}
}

// drain returns once nothing is on its way, or the time is over. Without it,
// Raft would lose the futures of what is on its way when it shuts down.
func (c *coalescer) drain(limit time.Duration) {
	c.mu.Lock()
	if len(c.flights) == 0 {
		c.mu.Unlock()
		return
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-idle:
	case <-late.C:
	}
}
