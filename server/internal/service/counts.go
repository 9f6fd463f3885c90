package service

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/snapshot"
)

// counts follows the streams for which folds are declared, and counts what each
// has got since its last snapshot, or since it is followed. One goroutine at a
// time.
type counts struct {
	engine   *engine.Engine
	shapes   *shapes          // that it goes by
	follower *engine.Follower // nil: no fold is declared
	at       firn.Position    // everything up to here is counted
	streams  map[string]*count
	due      []string
}

type count struct {
	events, bytes int
	state         int // bytes of the last snapshot's, as far as it is known
	from          int // events before which it is not looked at again
	givenUp       bool
	due           bool
}

const (
	countsMax = 1 << 16
	behindMax = 1 << 20 // events; whoever is further behind begins anew at the head
)

// begin begins at the head.
func (c *counts) begin(e *engine.Engine) {
	c.end()
	*c = counts{engine: e}
	c.at, _ = e.Head()
}

// end lets go of what is held.
func (c *counts) end() { c.rest() }

func (c *counts) rest() {
	if c.follower != nil {
		c.follower.Rest()
	}
}

// moved returns a channel that is closed once there is something to do.
func (c *counts) moved() <-chan struct{} {
	if len(c.due) > 0 {
		return c.engine.Moved(0)
	}
	return c.engine.Moved(c.at)
}

// next returns a stream for which a snapshot is due, and its folds; "" where there
// is none up to the head.
func (c *counts) next(ctx context.Context, sh *shapes, now time.Time) (string, []*snapshot.Declared, error) {
	if err := c.follow(sh); err != nil {
		return "", nil, err
	}
	for len(c.due) == 0 {
		if c.follower == nil {
			c.at, _ = c.engine.Head()
			return "", nil, nil
		}
		batch, err := c.follower.Next(ctx, now)
		if err != nil {
			return "", nil, err
		}
		for i := range batch.Events {
			if e := &batch.Events[i]; !e.Change {
				c.add(e.Stream, len(e.Bytes))
			}
		}
		if c.at = batch.Through; batch.Head {
			return "", nil, nil
		}
	}
	stream := c.due[0]
	c.due = c.due[1:]
	return stream, sh.foldsFor(firn.Category(stream)), nil
}

// follow follows what the folds are for. What was counted for others is
// forgotten.
func (c *counts) follow(sh *shapes) error {
	head, _ := c.engine.Head()
	if c.shapes == sh && head-min(c.at, head) <= behindMax {
		return nil
	}
	if head-min(c.at, head) > behindMax {
		c.at = head
	}
	c.rest()
	c.shapes, c.follower, c.streams, c.due = sh, nil, map[string]*count{}, nil
	q := firn.Query{All: true, From: firn.PositionPoint(c.at + 1)}
	for _, f := range sh.folds {
		if f != nil {
			q.StreamPrefixes = append(q.StreamPrefixes, f.Category()+"-")
		}
	}
	if len(q.StreamPrefixes) == 0 {
		return nil
	}
	var err error
	c.follower, err = c.engine.Follow(q)
	return err
}

func (c *counts) add(stream string, bytes int) {
	n := c.streams[stream]
	if n == nil {
		if len(c.streams) >= countsMax {
			clear(c.streams) // none of so many grows fast
			c.due = nil
		}
		n = &count{}
		c.streams[stream] = n
	}
	n.events, n.bytes = n.events+1, n.bytes+bytes
	if !n.due && !n.givenUp && n.events >= n.from && (snapshot.Policy{}).Due(n.events, n.bytes, n.state) {
		n.due = true
		c.due = append(c.due, stream)
	}
}

// made notes what making snapshots of a stream has left: how many events lie
// behind the last one, and how large the state is. Where none was made after all,
// it waits for more events.
func (c *counts) made(stream string, behind, state int, some bool) {
	n := c.streams[stream]
	if n == nil {
		return
	}
	n.due, n.events, n.state, n.from = false, behind, state, 0
	if some {
		n.bytes = 0
	} else {
		n.from = behind + snapshot.EveryDefault
	}
}

// later has a stream come once more, behind the others.
func (c *counts) later(stream string) { c.due = append(c.due, stream) }

// giveUp has a stream passed over until folds or upcasters change.
func (c *counts) giveUp(stream string) {
	if n := c.streams[stream]; n != nil {
		n.due, n.givenUp = false, true
	}
}
