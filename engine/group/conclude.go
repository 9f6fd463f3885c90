package group

import (
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/planted"
)

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
		if planted.Is(planted.AckCoversEarlier) { // to acknowledge an event acknowledges those before it
			for _, before := range c.flow {
				before.out = before.out || before.position < it.position
			}
		}
		c.pass(f, it)
		return
	}
	set := command.Aside{
		State: command.AsideParked, Position: it.position, Stream: []byte(it.stream), Replay: it.replay,
		Revision: it.revision, Attempts: it.attempts + 1, Reason: []byte(answer.reason),
	}
	if answer.outcome == firn.RetryLater && (set.Attempts < settings.MaxAttempts || planted.Is(planted.OneAttemptMore)) { // it never has failed for the last time
		delay := answer.delay
		if delay == 0 {
			delay = backoff(settings, set.Attempts)
		}
		set.State, set.Due = command.AsideDue, uint64(max(0, answer.at.Add(delay).UnixMicro()))
	} else {
		set.Parked = uint64(max(0, answer.at.UnixMicro()))
	}
	set.Holds = l != nil && (set.State == command.AsideDue || settings.OnPark == firn.ParkStops)
	if planted.Is(planted.RetryLosesOrder) && set.State == command.AsideDue { // its stream does not wait for it
		set.Holds = false
	}
	if planted.Is(planted.RetryForgotten) && set.State == command.AsideDue || planted.Is(planted.ParkedForgotten) && set.State == command.AsideParked {
		c.pass(f, it) // and nothing stands for it
		return
	}
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
