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
	compared bool // with a majority's, at any time
	alone    bool // there were no others to compare with
	last     look // the one that was compared last
}

// look is what the clock showed at a moment.
type look struct {
	micros int64         // since 1970
	at     time.Time     // the moment, on the clock that measures
	ahead  time.Duration // of the others' clocks, as far as was known
}

// after returns what the clock shows a while after the look, unless it jumps.
func (l *look) after(at time.Time) time.Time {
	return time.UnixMicro(l.micros).Add(at.Sub(l.at))
}

// open begins without a comparison.
func (c *clock) open(now func() time.Time) {
	c.now = now
	c.last = look{micros: now().UnixMicro(), at: time.Now()}
}

// look looks at the clock. A comparison begins with it, and is one with what was
// seen then: the clock may jump while the others are being asked.
func (c *clock) look() look {
	micros, ahead := c.read()
	return look{micros, time.Now(), ahead}
}

// read returns what the clock shows, and how far that is ahead of the others'.
func (c *clock) read() (micros int64, ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	micros = c.now().UnixMicro()
	if c.alone {
		return micros, 0
	}
	return micros, c.last.ahead + time.Duration(micros-c.last.micros)*time.Microsecond - time.Since(c.last.at)
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

// compare takes over how far the clock was ahead when it was looked at. Where too
// few have answered (not ok), what is known of it goes on.
func (c *clock) compare(seen look, ahead time.Duration, ok, alone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alone = alone
	if ok || alone {
		c.compared = c.compared || ok
		c.last = look{seen.micros, seen.at, ahead}
	}
}

func (c *clock) isCompared() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compared
}

// timekeepers returns the other members whose clocks count: the voters, and of the
// learners those that are up. A read replica, or a learner that is gone, keeps
// nobody from appending.
func (n *Node) timekeepers() []member {
	return slices.DeleteFunc(n.others(), func(m member) bool {
		p := n.exchange.peer(m.ID)
		return !m.Voter && (!p.up || p.report.Replica)
	})
}

// judgeClock compares this node's clock, as it was when it began to ask the
// others, with theirs.
func (n *Node) judgeClock() {
	var offsets []time.Duration
	others := n.timekeepers()
	for _, m := range others {
		if p := n.exchange.peer(m.ID); p.up {
			offsets = append(offsets, p.offset)
		}
	}
	ahead, ok := clockError(offsets, len(others)+1, n.looked.ahead)
	n.clock.compare(n.looked, ahead, ok, len(others) == 0)
	_, ahead = n.clock.read()
	if off := ahead.Abs() > clockWarn; off != n.clockWarned {
		n.clockWarned = off
		n.log.Warn("this node's clock against the others'", "ahead", ahead, "off", off)
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
	if !n.clock.isCompared() && len(n.timekeepers()) > 0 {
		n.exchange.now()
		return firn.Errorf(firn.ErrUnavailable, "this node was just started and has not compared its clock with the other members' yet; nothing was done, try again")
	}
	return nil
}
