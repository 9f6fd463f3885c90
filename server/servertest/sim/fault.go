package sim

import (
	"context"
	"math/rand/v2"
	"time"
)

// Kind is a kind of fault. Each counts only where it has truly struck.
type Kind string

// The kinds of faults, and when they count.
const (
	Partition Kind = "partition" // a node, or a minority, is cut off: something met the cut
	OneWay    Kind = "one-way"   // what one node sends another does not come: the same
	Partial   Kind = "partial"   // two nodes do not reach each other, and all reach the others: the same
	Delay     Kind = "delay"     // what two nodes send each other takes up to a second
	Reset     Kind = "reset"     // connections are reset: there was one
	Pause     Kind = "pause"     // a node stands still: it was to write
	Crash     Kind = "crash"     // a node loses power
	PowerCut  Kind = "power cut" // all do
	SlowDisk  Kind = "slow disk" // a node's log is slow: it was to write
)

// Promises of a cluster as a whole.
const (
	Alive = "alive" // once nothing hurts it any more, it answers
	Node  = "node"  // no node gives up to which nothing was done
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{Partition, OneWay, Partial, Delay, Reset, Pause, Crash, PowerCut, SlowDisk}
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
	victim := c.victim(random)
	other := c.seats[random.IntN(len(c.seats))]
	for other == victim {
		other = c.seats[random.IntN(len(c.seats))]
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
		if len(c.seats) > 3 && random.IntN(2) == 0 {
			cutOff = append(cutOff, other)
		}
		for _, a := range cutOff {
			for _, b := range c.seats {
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
		for _, s := range c.seats {
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
		return c.crash(c.seats, kind, random)
	case SlowDisk:
		victim.excuse(time.Minute)
		victim.slow.Store(int64(1+random.IntN(700)) * int64(time.Millisecond))
		before := victim.slowed.Load()
		return func() {
			victim.slow.Store(0)
			if victim.slowed.Load() > before {
				c.struck(kind)
			}
		}
	}
	return func() {}
}

// victim is mostly the leader.
func (c *cluster) victim(random *rand.Rand) *seat {
	chosen := c.seats[random.IntN(len(c.seats))]
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
	for _, b := range c.seats {
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
	for _, s := range c.seats {
		s.slow.Store(0)
		s.write.open()
		s.apply.open()
		s.ahead.Store(0)
		c.closing.Go(s.again)
	}
}
