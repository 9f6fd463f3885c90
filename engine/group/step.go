package group

import (
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
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

// conclude puts into a step what an answer means.
func (c *Coordinator) conclude(f *flight, it *item, settings *firn.Group) {
	l, answer := it.lane, &it.answer
	f.calls = append(f.calls, answer.call)
	it.out = true
	if l != nil && l.aside != nil {
		c.reach = max(c.reach, it.position)
	}
	if answer.outcome == firn.Ack || answer.outcome == firn.Skip {
		f.counts++
		c.pass(f, it)
		return
	}
	set := command.Aside{
		State: command.AsideParked, Position: it.position, Stream: []byte(it.stream), Replay: it.replay,
		Revision: it.revision, Attempts: it.attempts + 1, Reason: []byte(answer.reason),
	}
	if answer.outcome == firn.RetryLater && set.Attempts < settings.MaxAttempts {
		delay := answer.delay
		if delay == 0 {
			delay = backoff(settings, set.Attempts)
		}
		set.State, set.Due = command.AsideDue, uint64(max(0, answer.at.Add(delay).UnixMicro()))
	} else {
		set.Parked = uint64(max(0, answer.at.UnixMicro()))
	}
	set.Holds = l != nil && (set.State == command.AsideDue || settings.OnPark == firn.ParkStops)
	if set.Holds {
		c.hold(f, it, set)
		return
	}
	c.pass(f, it) // which takes away what stood for it, before what stands for it now comes
	c.add(f, set)
}

// backoff returns how long an event waits that has failed so many times.
func backoff(settings *firn.Group, attempts uint32) time.Duration {
	delay := settings.RetryMin
	for ; attempts > 1 && delay < settings.RetryMax; attempts-- {
		delay *= 2
	}
	return min(delay, settings.RetryMax)
}

// pass goes on behind an item.
func (c *Coordinator) pass(f *flight, it *item) {
	f.settled = append(f.settled, it)
	if it.aside != nil {
		c.remove(f, it.aside)
		delete(c.alone, keyOf(it.aside))
		it.aside = nil
	}
	l := it.lane
	if l == nil || l.aside == nil {
		c.goOn(it)
		return
	}
	f.caught = append(f.caught, it)
	c.remove(f, l.aside)
	if len(l.items) == 1 && !l.more {
		l.aside = nil
		delete(c.active, l)
		return
	}
	next := behind(it.position, it.revision, l.stream)
	next.Replay = l.aside.Replay
	l.aside = &next
	c.add(f, next)
}

// behind is what stands for a stream behind one of its events.
func behind(p firn.Position, revision uint64, stream string) command.Aside {
	return command.Aside{State: command.AsideDue, Position: p + 1, Stream: []byte(stream), Holds: true, Revision: revision + 1}
}

// hold sets a stream aside at an item, with all that is behind it.
func (c *Coordinator) hold(f *flight, it *item, set command.Aside) {
	l := it.lane
	if l.aside != nil {
		c.remove(f, l.aside)
	}
	for _, other := range l.items {
		other.out = true
	}
	f.covered = append(f.covered, l.items...)
	c.forget(l)
	c.held[l.stream] = struct{}{}
	f.held = append(f.held, l.stream)
	c.add(f, set)
}

// forget takes a lane out of memory.
func (c *Coordinator) forget(l *lane) {
	c.mu.Lock()
	for _, it := range l.items {
		c.drop(it)
	}
	c.mu.Unlock()
	delete(c.lanes, l.stream)
	delete(c.active, l)
}

// drop frees an item's record. mu is held.
func (c *Coordinator) drop(it *item) {
	c.bytes -= len(it.stored)
	it.stored = nil
}

// leave lets a stream that has caught up go on with the flow.
func (c *Coordinator) leave(f *flight, l *lane) {
	c.remove(f, l.aside)
	l.aside, l.leaving = nil, true
	delete(c.active, l)
	f.leaving = append(f.leaving, l)
}

// setAside lets a stream of which too much is in memory catch up by itself: its
// first event stays as it is, delivered or not, the others are read again.
func (c *Coordinator) setAside(f *flight, l *lane) {
	first := l.items[0]
	l.overflow = false
	if l.aside != nil || first.out {
		return
	}
	set := command.Aside{
		State: command.AsideDue, Position: first.position, Stream: []byte(l.stream), Holds: true,
		Revision: first.revision, Attempts: first.attempts,
	}
	for _, it := range l.items {
		it.out = true
	}
	f.covered = append(f.covered, l.items...)
	c.mu.Lock()
	for _, it := range l.items[1:] {
		c.drop(it)
	}
	c.mu.Unlock()
	l.items = l.items[:1:1]
	l.aside, l.next, l.more = &set, first.revision+1, true
	c.active[l] = struct{}{}
	c.add(f, set)
}

func (c *Coordinator) remove(f *flight, a *command.Aside) {
	f.step.Removed = append(f.step.Removed, *a)
	c.count(a, ^uint64(0))
}

func (c *Coordinator) add(f *flight, a command.Aside) {
	f.step.Added = append(f.step.Added, a)
	c.count(&a, 1)
	if a.State == command.AsideDue {
		c.dueAt = sooner(c.dueAt, time.UnixMicro(int64(a.Due)))
	}
}

// count counts an aside, by 1 or by -1.
func (c *Coordinator) count(a *command.Aside, by uint64) {
	if a.State == command.AsideParked {
		c.counts.Parked += by
		if a.Holds {
			c.counts.Waiting += by
		}
		return
	}
	c.counts.Due += by
	if a.Attempts > 0 {
		c.counts.Retrying += by
	}
}

// propose sends a step off.
func (c *Coordinator) propose(f *flight) {
	if !f.step.Rewind {
		f.step.Through, f.step.Open = c.extent()
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
