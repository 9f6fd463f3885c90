package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Kind is a kind of fault. Each counts only where it has truly struck.
type Kind string

// The kinds of faults, and when they count.
const (
	Partition Kind = "partition"  // a node, or a minority, is cut off: something met the cut
	OneWay    Kind = "one-way"    // what one node sends another does not come: the same
	Partial   Kind = "partial"    // two nodes do not reach each other, and all reach the others: the same
	Delay     Kind = "delay"      // what two nodes send each other takes up to a second
	Reset     Kind = "reset"      // connections are reset: there was one
	Pause     Kind = "pause"      // a node stands still: it was to write
	Crash     Kind = "crash"      // a node loses power
	PowerCut  Kind = "power cut"  // all do
	SlowDisk  Kind = "slow disk"  // a node's log is slow: it was to write
	SlowApply Kind = "slow apply" // the same for applying
	Hang      Kind = "hang"       // a node's disk or its apply stands still: it was used
	NoSpace   Kind = "no space"   // a node's disk is about to be full: the node has asked
	FullDisk  Kind = "full disk"  // what a node writes fails: it did
	Hidden    Kind = "hidden"     // clients do not reach a node, over TCP: something met the cut
	Transfer  Kind = "transfer"   // leadership is handed on: it was
	Members   Kind = "members"    // a node joins or is removed: it has a vote, or has left
	Clock     Kind = "clock"      // a node's clock jumps, by up to years: it was compared with the others'
)

// Promises of a cluster as a whole.
const (
	Alive = "alive" // once nothing hurts it any more, it answers
	Node  = "node"  // no node gives up to which nothing was done
	Dated = "dated" // no event carries a time of which a majority's clocks are further off than a node's may be
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{
		Partition, OneWay, Partial, Delay, Reset, Pause, Crash, PowerCut, SlowDisk, SlowApply, Hang, NoSpace, FullDisk,
		Hidden, Transfer, Members, Clock,
	}
}

// hurt does one harm after the other until a moment, at times two at once.
func (c *cluster) hurt(until time.Time) {
	random := rand.New(rand.NewPCG(c.seed, 1))
	for time.Now().Before(until) && c.over.Err() == nil {
		if len(c.o.Faults) == 0 {
			c.wait(time.Until(until))
			continue
		}
		var mend []func()
		for range 1 + random.IntN(4)/3 {
			kind := c.o.Faults[random.IntN(len(c.o.Faults))]
			mend = append(mend, c.strike(kind, random))
		}
		c.wait(time.Duration(200+random.IntN(6000)) * time.Millisecond)
		for _, m := range mend {
			m()
		}
		c.wait(time.Duration(random.IntN(5000)) * time.Millisecond)
	}
}

// strike does one harm and returns what takes it back.
func (c *cluster) strike(kind Kind, random *rand.Rand) (mend func()) {
	victim, seats := c.victim(random), c.nodes()
	other := seats[random.IntN(len(seats))]
	for other == victim {
		other = seats[random.IntN(len(seats))]
	}
	c.trace.add("%s: %s (%s)", kind, victim.id, other.id)
	held := c.net.Held()
	cut := func() {
		c.net.Heal()
		if c.net.Held() > held {
			c.struck(kind)
		}
	}
	switch kind {
	case Partition:
		cutOff := []*seat{victim}
		if len(seats) > 4 && random.IntN(2) == 0 {
			cutOff = append(cutOff, other)
		}
		for _, a := range cutOff {
			for _, b := range seats {
				if b != cutOff[0] && b != cutOff[len(cutOff)-1] {
					c.net.Part(a.id, b.id)
				}
			}
		}
		return cut
	case OneWay:
		c.net.Cut(victim.id, other.id)
		return cut
	case Partial:
		c.net.Part(victim.id, other.id)
		return cut
	case Hidden:
		if c.o.TCP {
			for i := range c.o.Groups * c.o.Clients {
				c.net.Part(fmt.Sprint("client", i), victim.id)
			}
		}
		return cut
	case Delay:
		d := time.Duration(random.IntN(1000)) * time.Millisecond
		c.net.Delay(victim.id, other.id, d)
		c.net.Delay(other.id, victim.id, d/2)
		c.struck(kind)
		return func() {
			c.net.Delay(victim.id, other.id, time.Millisecond)
			c.net.Delay(other.id, victim.id, time.Millisecond)
		}
	case Reset:
		n := 0
		for _, s := range seats {
			if s != victim {
				n += c.net.Break(victim.id, s.id)
			}
		}
		if n > 0 {
			c.struck(kind)
		}
	case Pause:
		return c.pause(victim)
	case Crash:
		return c.crash([]*seat{victim}, kind, random)
	case PowerCut:
		return c.crash(seats, kind, random)
	case SlowDisk:
		return c.delayed(kind, victim, &victim.write, random)
	case SlowApply:
		return c.delayed(kind, victim, &victim.apply, random)
	case Hang:
		g := []*gate{&victim.write, &victim.apply}[random.IntN(2)]
		victim.excuse(time.Minute)
		met := g.met.Load()
		g.shut()
		return func() {
			g.open()
			if g.met.Load() > met {
				c.struck(kind)
			}
		}
	case NoSpace:
		return c.fill(kind, victim.disk, &victim.disk.asked, func(d *disk) { d.left.Store(diskReserve / 2) })
	case FullDisk:
		victim.excuse(time.Minute)
		return c.fill(kind, victim.disk, &victim.disk.met, func(d *disk) { d.full.Store(true) })
	case Transfer:
		ctx, cancel := context.WithTimeout(c.over, 5*time.Second)
		defer cancel()
		if err := c.operator.Transfer(ctx, ""); err == nil {
			c.struck(kind)
		}
	case Members:
		if c.changing.CompareAndSwap(false, true) {
			c.closing.Go(func() {
				defer c.changing.Store(false)
				c.changeMembers(rand.New(rand.NewPCG(random.Uint64(), 0)))
			})
		}
	case Clock:
		return c.jump(victim, random)
	}
	return func() {}
}

// delayed makes a node slow.
func (c *cluster) delayed(kind Kind, s *seat, g *gate, random *rand.Rand) (mend func()) {
	s.excuse(time.Minute)
	met := g.met.Load()
	g.slow.Store(int64(1+random.IntN(700)) * int64(time.Millisecond))
	return func() {
		g.slow.Store(0)
		if g.met.Load() > met {
			c.struck(kind)
		}
	}
}

// fill takes a disk's space until it is mended.
func (c *cluster) fill(kind Kind, d *disk, met *atomic.Int64, how func(*disk)) (mend func()) {
	before := met.Load()
	how(d)
	return func() {
		d.left.Store(diskBytes)
		d.full.Store(false)
		if met.Load() > before {
			c.struck(kind)
		}
	}
}

// jump sets a node's clock. Its events must not carry its time.
func (c *cluster) jump(s *seat, random *rand.Rand) (mend func()) {
	span := []time.Duration{3 * time.Second, 10 * time.Second, time.Hour, 24 * time.Hour, 3 * 365 * 24 * time.Hour}[random.IntN(5)]
	if random.IntN(2) == 0 {
		span = -span
	}
	s.ahead.Store(int64(span))
	began := time.Now()
	return func() {
		s.ahead.Store(0)
		if time.Since(began) > 2*time.Second { // nodes compare their clocks each second
			c.struck(Clock)
		}
	}
}

// victim is mostly the leader.
func (c *cluster) victim(random *rand.Rand) *seat {
	seats := c.nodes()
	chosen := seats[random.IntN(len(seats))]
	if random.IntN(2) == 0 {
		return chosen
	}
	ctx, cancel := context.WithTimeout(c.over, 500*time.Millisecond)
	defer cancel()
	if leader := c.leader(ctx); leader != nil {
		return leader
	}
	return chosen
}

// pause lets a node stand still at its disk and its network.
func (c *cluster) pause(s *seat) (mend func()) {
	s.excuse(time.Minute)
	met := s.write.met.Load() + s.apply.met.Load()
	s.write.shut()
	s.apply.shut()
	for _, b := range c.nodes() {
		if b != s {
			c.net.Part(s.id, b.id)
		}
	}
	return func() {
		s.write.open()
		s.apply.open()
		c.net.Heal()
		if s.write.met.Load()+s.apply.met.Load() > met {
			c.struck(Pause)
		}
	}
}

// crash takes the power from nodes, at one moment.
func (c *cluster) crash(victims []*seat, kind Kind, random *rand.Rand) (mend func()) {
	kept := []int{0, 50, 100}[random.IntN(3)]
	struck := false
	for _, s := range victims {
		struck = s.crash(kept, random) || struck
	}
	if struck {
		c.struck(kind)
	}
	return func() {
		for _, s := range victims {
			c.closing.Go(s.again)
		}
	}
}

// mend takes back all harm, and starts what is down.
func (c *cluster) mend() {
	c.trace.add("all is mended")
	c.net.Heal()
	for _, s := range c.nodes() {
		s.unharm()
		c.closing.Go(s.again)
	}
}
