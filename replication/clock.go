package replication

import (
	"slices"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// Clocks further apart than this are shown, or keep a node from proposing.
const (
	clockWarn   = 2 * time.Second
	clockRefuse = 5 * time.Second
)

// clockError says how far this node's clock is ahead of the median of a
// majority of the members, its own among them. offsets are the others' clocks
// minus this node's; believed is how far it is ahead by what was known before.
// Not ok where less than a majority is heard.
func clockError(offsets []time.Duration, members int, believed time.Duration) (ahead time.Duration, ok bool) {
	all := append([]time.Duration{0}, offsets...)
	if len(all) < members/2+1 || len(all) < 2 {
		return 0, false
	}
	slices.Sort(all)
	// With an even number there are two medians: of two clocks nobody can say which
	// is wrong, but each node knows whether its own has jumped.
	low, high := -all[(len(all)-1)/2], -all[len(all)/2]
	if (low - believed).Abs() < (high - believed).Abs() {
		return low, true
	}
	return high, true
}

// clock is this node's wall clock, as far as the others' vouch for it. They are
// asked each second; in between, the time that passes is the machine's own
// measure, which nobody sets. So a clock that jumps is noticed by the next entry
// that it is to stamp: one second of events from years ahead would date all that
// comes after them, since time never goes back.
type clock struct {
	now func() time.Time // set at Open, then read only

	mu       sync.Mutex
	compared bool          // with a majority's, at any time
	alone    bool          // there were no others to compare with
	ahead    time.Duration // of theirs, at the last comparison
	wall     int64         // what it showed then, µs
	at       time.Time     // when that was, on the clock that measures
}

// open begins without a comparison.
func (c *clock) open(now func() time.Time) {
	c.now = now
	c.wall, c.at = now().UnixMicro(), time.Now()
}

// read returns what the clock shows, and how far that is ahead of the others'.
func (c *clock) read() (micros int64, ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readLocked()
}

func (c *clock) readLocked() (micros int64, ahead time.Duration) {
	micros = c.now().UnixMicro()
	if c.alone {
		return micros, 0
	}
	return micros, c.ahead + time.Duration(micros-c.wall)*time.Microsecond - time.Since(c.at)
}

// stamp returns the time to propose for an entry that is on its way already: the
// others', where this clock is off.
func (c *clock) stamp() int64 {
	micros, ahead := c.read()
	if ahead.Abs() > clockRefuse {
		return micros - ahead.Microseconds()
	}
	return micros
}

// compare takes a comparison over, and returns what was believed before. Where
// too few have answered (not ok), what is believed goes on.
func (c *clock) compare(ahead time.Duration, ok, alone bool) (before time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.alone = c.ahead, alone
	micros, now := c.readLocked()
	if ok {
		now, c.compared = ahead, true
	}
	c.ahead, c.wall, c.at = now, micros, time.Now()
	return before
}

func (c *clock) isCompared() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compared
}

// judgeClock compares this node's clock with the others'.
func (n *Node) judgeClock() {
	var offsets []time.Duration
	others := n.others()
	for _, m := range others {
		if p := n.exchange.peer(m.ID); p.up {
			offsets = append(offsets, p.offset)
		}
	}
	_, believed := n.clock.read()
	ahead, ok := clockError(offsets, len(others)+1, believed)
	before := n.clock.compare(ahead, ok, len(others) == 0)
	if _, ahead := n.clock.read(); (ahead.Abs() > clockWarn) != (before.Abs() > clockWarn) {
		n.log.Warn("this node's clock against the others'", "ahead", ahead, "off", ahead.Abs() > clockWarn)
	}
}

// clockOff reports whether the clock is too far off to stamp what is proposed.
func (n *Node) clockOff() (ahead time.Duration, off bool) {
	_, ahead = n.clock.read()
	ahead = ahead.Round(time.Millisecond)
	return ahead, ahead.Abs() > clockRefuse
}

// clockTrouble is set where this node's clock is too far off to propose, or was
// never compared with others that there are.
func (n *Node) clockTrouble() *firn.Error {
	if ahead, off := n.clockOff(); off {
		return firn.Errorf(firn.ErrUnavailable, "this node's clock is %v ahead of the other members', more than %v in either direction keeps it from appending; nothing was done. Set the clock", ahead, clockRefuse)
	}
	if !n.clock.isCompared() && len(n.others()) > 0 {
		n.exchange.now()
		return firn.Errorf(firn.ErrUnavailable, "this node was just started and has not compared its clock with the other members' yet; nothing was done, try again")
	}
	return nil
}
