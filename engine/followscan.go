package engine

import "github.com/firndb/firn"

// What a scanSource does for a Follower only: it stops and goes on at any
// position, and its memory is accounted for. A layer takes some 20 MiB, so not
// every one of a thousand followers can have one of its own.

// heldMax is how many layers followers may hold, all together, beside those in
// the cache and the open one. Who does not get one fetches event by event.
const heldMax = 8

// memory is a follower's leave to hold a layer that the cache does not.
type memory struct {
	held   bool
	rested bool // its consumer is slow: a few events are wanted, not a layer
}

// take asks for the leave.
func (m *memory) take(e *Engine) bool {
	if m.held {
		return true
	}
	if m.rested {
		return false
	}
	select {
	case e.held <- struct{}{}:
		m.held = true
	default:
	}
	return m.held
}

func (m *memory) give(e *Engine) {
	if m.held {
		<-e.held
		m.held = false
	}
}

// account is called before a follower goes on. A layer that has left the cache
// is let go of where there is no leave to hold it. Who has fetched many events
// one by one is no longer taken for slow, and may have their layer.
func (src *scanSource) account(l *lookup) {
	if src.fetched > fetchedMax {
		src.memory.rested = false
	}
	switch {
	case src.v != nil && src.v.layer != l.s.tail.layer && !src.memory.held:
		if src.e.layers.peek(src.v.layer) == src.v || src.memory.take(src.e) {
			return
		}
	case src.c == nil || src.fetched <= fetchedMax || !src.memory.take(src.e):
		return
	}
	src.left = positions{src.reached() + 1, src.until.to}
	src.v, src.c, src.ranks = nil, nil, nil
}

// restart makes the source yield other positions, forwards.
func (src *scanSource) restart(left positions) {
	src.rest()
	src.left = left
}

// rest lets go of the layer that is being read.
func (src *scanSource) rest() {
	src.v, src.ranks, src.c, src.fetched = nil, nil, nil, 0
	src.memory.give(src.e)
}

// reached returns the position up to which everything was looked at, of one
// layer and going forwards.
func (src *scanSource) reached() firn.Position {
	switch {
	case src.c != nil:
		return src.until.from - 1
	case src.v != nil && src.next < len(src.v.recs):
		return min(src.v.position(&src.v.recs[src.next])-1, src.until.to)
	}
	return src.until.to
}
