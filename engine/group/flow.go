package group

import (
	"bytes"
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/record"
)

// How much of the flow is read ahead.
const (
	windowMin   = 4096
	windowBytes = 16 << 20
	passesMax   = 8                      // reads at a time, before the loop looks at other things
	slow        = 100 * time.Millisecond // with no room for so long, the follower rests
)

// load brings the coordinator to where the group stands, where it does not know
// or no longer: everything that was delivered is void and will be again.
func (c *Coordinator) load() error {
	c.mu.Lock()
	if c.anew && c.flight == nil {
		c.anew, c.loaded = false, false
	}
	c.mu.Unlock()
	if c.loaded {
		return nil
	}
	g, found := c.o.Engine.GroupProgress(c.name)
	if !found || g.Created != c.o.Created {
		return firn.Errorf(firn.ErrUnavailable, "the group %s was deleted", c.name)
	}
	c.void()
	c.progress, c.counts, c.through, c.reach = g, g.Counts, g.Through, 0
	c.flow, c.stale, c.atHead, c.fullSince = nil, nil, false, time.Time{}
	c.lanes, c.active = make(map[string]*lane), make(map[*lane]struct{})
	c.alone, c.held = make(map[asideKey]*item), make(map[string]struct{})
	c.dueAt, c.stepped = c.o.Now(), c.o.Now()
	settings := c.settings()
	for _, p := range g.Open {
		r, err := c.o.Engine.RecordAt(p)
		if errors.Is(err, firn.ErrNotFound) {
			continue // it was scavenged: nothing is left to be settled
		}
		if err != nil {
			return err
		}
		if err := c.takeRecord(r, settings.Unordered); err != nil {
			return err
		}
	}
	q := query(&settings)
	q.From = firn.PositionPoint(g.Through + 1)
	c.rest()
	var err error
	if c.follower, err = c.o.Engine.Follow(q); err != nil {
		return err
	}
	if err := c.findFirstDue(); err != nil {
		return err
	}
	c.loaded = true
	return nil
}

// void forgets all deliveries.
func (c *Coordinator) void() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.next.calls {
		call.void()
	}
	c.next = c.newFlight()
	for _, it := range c.answered {
		it.answer.call.void()
	}
	for consumer := range c.consumers {
		consumer.holds, consumer.got = 0, nil
	}
	c.answered, c.ready, c.bytes, c.leaseAt = nil, queue{}, 0, time.Time{}
	c.delivered = make(map[uint64]*item)
}

// readFlow reads ahead, as far as there is room. busy says that there is more
// to be read.
func (c *Coordinator) readFlow() (busy bool, err error) {
	settings := c.settings()
	for range passesMax {
		if !c.hasRoom(&settings) {
			c.relieve(&settings)
			return false, nil
		}
		b, err := c.follower.Next(c.ctx, c.o.Now())
		if err != nil {
			return false, err
		}
		for i := range b.Events {
			if e := &b.Events[i]; !e.Change {
				if err := c.takeFollowed(e, &settings); err != nil {
					c.loaded = false // what was taken of the batch would be taken again
					return false, err
				}
			}
		}
		c.through = b.Through
		if c.atHead = b.Head; b.Head {
			return false, nil
		}
	}
	return true, nil
}

func (c *Coordinator) takeFollowed(e *engine.Followed, settings *firn.Group) error {
	if l := c.lanes[e.Stream]; l != nil && l.aside != nil {
		l.more = true
		return nil
	} else if l == nil {
		held, err := c.isHeld(e.Stream)
		if held || err != nil {
			return err
		}
	}
	r := e.Stored
	r.Bytes = bytes.Clone(r.Bytes)
	return c.takeRecord(r, settings.Unordered)
}

// isHeld reports whether an aside holds a stream that is not in memory. Steps
// are begun and ended by the loop alone, so the answer holds until it goes on.
func (c *Coordinator) isHeld(stream string) (bool, error) {
	if _, held := c.held[stream]; held {
		return true, nil
	}
	if c.progress.Counts.Due+c.progress.Counts.Waiting == 0 {
		return false, nil
	}
	_, held, err := c.o.Engine.HeldBy(c.name, stream)
	return held, err
}

// takeRecord takes an event into the flow.
func (c *Coordinator) takeRecord(r record.Stored, unordered bool) error {
	it, err := c.newItem(r)
	if err != nil {
		return err
	}
	c.flow = append(c.flow, it)
	l := c.lanes[r.Stream]
	if l == nil && !unordered {
		l = &lane{stream: r.Stream}
		c.lanes[r.Stream] = l
	}
	c.line(it, l)
	return nil
}

func (c *Coordinator) newItem(r record.Stored) (*item, error) {
	n, _, err := record.ParseNode(r.Stream, r.Bytes)
	if err != nil {
		return nil, err
	}
	it := &item{stream: r.Stream, revision: uint64(n.Revision), position: n.Position, time: n.Time, replay: n.Position <= c.progress.Reached}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes < windowBytes { // else it is read again when it is handed out
		it.stored = r.Bytes
		c.bytes += len(r.Bytes)
	}
	return it, nil
}

// line puts an item behind those of its stream, or, where there is none, makes
// it ready.
func (c *Coordinator) line(it *item, l *lane) {
	if it.lane = l; l != nil {
		l.items = append(l.items, it)
		if len(l.items) > 1 {
			return
		}
	}
	c.offer(it)
}

// offer makes an item ready to be delivered.
func (c *Coordinator) offer(it *item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready.push(it)
	c.dispatch()
}

// window returns how many events of the flow may be in memory.
func (c *Coordinator) window(settings *firn.Group) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(engine.GroupOpenMax, windowMin+2*int(settings.InFlight)*len(c.consumers))
}

// hasRoom reports whether the flow is to be read on. Once there is no room, half
// of it must be free again: to begin to read may cost as much as to read a
// layer.
func (c *Coordinator) hasRoom(settings *firn.Group) bool {
	window := c.window(settings)
	c.mu.Lock()
	bytes := c.bytes
	c.mu.Unlock()
	// A batch more may be read than there is room for.
	if len(c.flow)+batchMax > window || bytes >= windowBytes {
		if c.fullSince.IsZero() {
			c.fullSince = c.o.Now()
		}
	} else if len(c.flow) <= window/2 && bytes <= windowBytes/2 {
		c.fullSince = time.Time{}
	}
	if !c.fullSince.IsZero() && c.o.Now().Sub(c.fullSince) >= slow {
		c.rest() // others want to read, too
	}
	return c.fullSince.IsZero()
}

// batchMax is about how many events are read at a time.
const batchMax = 256

// relieve has streams set aside that take most of the room, so that the others
// behind them need not wait. A stream that is alone holds up nobody.
func (c *Coordinator) relieve(settings *firn.Group) {
	if settings.Stream != "" {
		return
	}
	for _, l := range c.lanes {
		if l.aside == nil && !l.leaving && len(l.items) > c.window(settings)/4 {
			l.overflow = true
		}
	}
}
