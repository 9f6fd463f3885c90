package group

import (
	"errors"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/planted"
)

// How large a step is, and when one is made without an answer, only to say how
// far the group has looked.
const (
	stepAnswersMax      = 8192
	stepAsidesMax       = 512
	checkpointPositions = 16 << 10
)

// flight is a step on its way, and what follows once it is applied.
type flight struct {
	step    *command.Settle
	settled []*item // answered
	caught  []*item // of these, those of streams that catch up: the next comes once the step is applied
	covered []*item // behind one that was set aside, which stands for them
	leaving []*lane // with nothing in memory, and held by nothing any more
	held    []string
	calls   []*call
	counts  uint64 // answers that settle
	op      *operation
}

// gather concludes, while a step is under way, what was settled in the flow:
// the next of the streams need not wait until that is kept. Should it never be,
// both are delivered again, in order.
func (c *Coordinator) gather() {
	settings := c.settings()
	for len(c.next.calls) < stepAnswersMax {
		it := c.nextAnswer(func(it *item) bool {
			settles := it.answer.outcome == firn.Ack || it.answer.outcome == firn.Skip
			return settles && it.aside == nil && (it.lane == nil || it.lane.aside == nil)
		})
		if it == nil {
			return
		}
		c.conclude(c.next, it, &settings)
	}
}

// begin makes a step of what was answered and proposes it. No step is under
// way.
func (c *Coordinator) begin() {
	f := c.next
	f.step.Created, f.step.Step = c.progress.Created, c.progress.Step+1
	settings := c.settings()
	for len(f.calls) < stepAnswersMax && max(len(f.step.Added), len(f.step.Removed)) < stepAsidesMax {
		it := c.nextAnswer(func(*item) bool { return true })
		if it == nil {
			break
		}
		c.conclude(f, it, &settings)
	}
	for l := range c.active {
		if len(l.items) == 0 && !l.more {
			c.leave(f, l)
		}
		if len(f.step.Removed) >= stepAsidesMax {
			break
		}
	}
	for _, l := range c.lanes {
		if l.overflow && len(f.step.Added) < stepAsidesMax {
			c.setAside(f, l)
		}
	}
	if len(f.step.Removed) < stepAsidesMax {
		f.step.Removed = append(f.step.Removed, c.stale...)
		c.stale = nil
	}
	if len(f.settled)+len(f.step.Removed)+len(f.step.Added) > 0 || c.checkpointDue() {
		c.next = c.newFlight()
		if planted.Is(planted.SettledBeforeKept) { // who waits for an answer to be kept is told that it is
			for _, call := range f.calls {
				call.finish(nil)
			}
			f.calls = nil
		}
		c.propose(f)
	}
}

// nextAnswer takes the oldest answer, if it is wanted; nil where there is none.
func (c *Coordinator) nextAnswer(wanted func(*item) bool) *item {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answered) == 0 || !wanted(c.answered[0]) {
		return nil
	}
	it := c.answered[0]
	c.answered[0] = nil
	c.answered = c.answered[1:]
	return it
}

func (c *Coordinator) newFlight() *flight {
	return &flight{step: &command.Settle{Group: []byte(c.name)}}
}

// checkpointDue reports whether it is time to say how far the group has looked
// though nothing was answered. A new leader reads again what was not said.
func (c *Coordinator) checkpointDue() bool {
	ahead := c.through - c.progress.Through
	return ahead >= checkpointPositions || ahead > 0 && c.o.Now().Sub(c.stepped) >= idlePause
}

// propose sends a step off.
func (c *Coordinator) propose(f *flight) {
	if !f.step.Rewind {
		f.step.Through, f.step.Open = c.extent()
		if planted.Is(planted.CheckpointAtHead) || planted.Is(planted.ReplayMovesCheckpoint) && f.op != nil {
			f.step.Through, _ = c.o.Engine.Head() // past what nobody was handed
		}
		if planted.Is(planted.HandedOutIsHandled) { // what is in flight counts as settled
			f.step.Open = nil
		}
	}
	f.step.Counts = c.counts
	c.flight = f
	item := command.AppendItem(nil, f.step)
	c.running.Go(func() {
		result, err := c.o.Log.Propose(c.ctx, item)
		if err == nil && result.Err != nil {
			err = result.Err
		}
		c.landed <- err
	})
}

// extent returns up to where the step says that the group has looked, and what
// is open of that. What was read ahead and is all open is left out: it is read
// again, if need be. But what streams that catch up have settled must be in it:
// once they are in the flow again, nothing else tells that it was.
func (c *Coordinator) extent() (through firn.Position, open []firn.Position) {
	last := -1
	for i, it := range c.flow {
		if it.out {
			last = i
		}
	}
	through = c.through
	for _, it := range c.flow[last+1:] {
		if it.position > max(c.progress.Through, c.reach) {
			through = it.position - 1
			break
		}
	}
	for _, it := range c.flow {
		if it.position > through {
			break
		}
		if !it.out {
			open = append(open, it.position)
		}
	}
	return max(through, c.progress.Through), open
}

// land takes in how the step under way has ended.
func (c *Coordinator) land(err error) {
	f := c.flight
	c.flight, c.stepped = nil, c.o.Now()
	var known *firn.Error
	if err != nil && !errors.As(err, &known) {
		err = c.ending() // its context has ended
	}
	c.settle(f, err)
	// Who asks where the group stands, once told, must not hear what was before.
	c.publish()
	for _, call := range f.calls {
		call.finish(err)
	}
	if f.op != nil {
		f.op.done <- err
	}
}

// settle brings what is in memory to where a step has led.
func (c *Coordinator) settle(f *flight, err error) {
	if err != nil {
		// Whether it was applied or will be is not known: begin again with what
		// is. A step that is late is then refused, since another has its number.
		c.loaded = false
		return
	}
	if f.step.Rewind {
		c.loaded = false
		c.mu.Lock()
		c.view.known = false // until what is behind the new place has been looked at
		c.mu.Unlock()
		return
	}
	c.progress.Step, c.progress.Through, c.progress.Open, c.progress.Counts = f.step.Step, f.step.Through, f.step.Open, f.step.Counts
	for _, stream := range f.held {
		delete(c.held, stream)
	}
	for _, it := range f.covered {
		it.done = true
	}
	for _, l := range f.leaving {
		l.leaving = false
		c.tidy(l)
	}
	for _, it := range f.settled {
		it.done = true
	}
	for _, it := range f.caught {
		c.goOn(it)
	}
	rest := c.flow[:0]
	for _, it := range c.flow {
		if !it.done {
			rest = append(rest, it)
		}
	}
	clear(c.flow[len(rest):])
	c.flow = rest
	c.mu.Lock()
	c.rates.settled.add(c.o.Now(), f.counts)
	c.mu.Unlock()
	if len(f.step.Removed)+len(f.step.Added) > 0 {
		if err := c.findFirstDue(); err != nil {
			c.trouble(err)
			c.loaded = false
		}
	}
}

// goOn offers what comes behind an item that is settled.
func (c *Coordinator) goOn(it *item) {
	l := it.lane
	if l == nil {
		return
	}
	l.items[0] = nil
	l.items = l.items[1:]
	if len(l.items) > 0 {
		c.offer(l.items[0])
	}
	c.tidy(l)
}

// tidy forgets a lane in which nothing is left.
func (c *Coordinator) tidy(l *lane) {
	if len(l.items) == 0 && l.aside == nil && !l.leaving && c.lanes[l.stream] == l {
		delete(c.lanes, l.stream)
	}
}
