package replication_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

var seedFlag = flag.Uint64("seed", 0, "run TestChaos with this seed only")

// Writers and readers go on while nodes are cut off, stopped, restarted, and
// leadership is moved about. In the end all replicas hold the same; what was
// acknowledged is there once, what was refused is not, and a linearizable read
// has shown everything that had been acknowledged before it began.
func TestChaos(t *testing.T) {
	seeds := []uint64{*seedFlag}
	if *seedFlag == 0 {
		seeds = nil
		for range 4 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, seed := range seeds {
		ok := t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { chaos(t, seed) })
		})
		if !ok {
			t.Fatalf("again with: go test ./replication -run 'TestChaos$' -seed %d", seed)
		}
	}
}

// book is what writers and readers have seen.
type book struct {
	mu      sync.Mutex
	acked   []string
	refused map[string]bool
	stale   []string
}

func (b *book) ackedSoFar() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.acked)
}

func chaos(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	c := newSmallCluster(t)
	c.newFS = vfs.NewCrashableMem
	for _, s := range c.seats {
		s.wipe()
	}
	for _, a := range c.names {
		for _, z := range c.names {
			c.sim.Delay(a, z, time.Duration(random.IntN(2000))*time.Microsecond)
		}
	}
	c.start()
	c.write("first")
	b := &book{acked: []string{"first"}, refused: map[string]bool{}}
	over := make(chan struct{})
	var users sync.WaitGroup
	for i := range 4 {
		users.Go(func() { b.writeOn(c, i, over) })
		users.Go(func() { b.readOn(c, i, over) })
	}
	for range 12 {
		c.disturb(random)
		time.Sleep(time.Duration(200+random.IntN(2500)) * time.Millisecond)
	}
	close(over)
	users.Wait()
	c.sim.Heal()
	for _, s := range c.seats {
		if !s.running() {
			s.start(nil)
		}
	}
	c.write("last")
	b.acked = append(b.acked, "last")
	b.check(c)
}

// disturb does one thing to the cluster.
func (c *cluster) disturb(random *rand.Rand) {
	s := c.seats[c.names[random.IntN(len(c.names))]]
	switch random.IntN(6) {
	case 0:
		c.sim.Part(s.id, without(c.names, s.id)...)
	case 1:
		rest := without(c.names, s.id)
		c.sim.Cut(s.id, rest[random.IntN(len(rest))])
	case 2:
		if s.running() {
			s.crash(random)
		}
	case 3:
		s.stop(false)
	case 4:
		if s.running() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			node, _ := s.now()
			_ = node.Transfer(ctx, "")
			cancel()
		}
	default:
		c.sim.Heal()
		for _, s := range c.seats {
			if !s.running() {
				s.start(nil)
			}
		}
	}
}

// writeOn writes at whichever node, each text once.
func (b *book) writeOn(c *cluster, writer int, over chan struct{}) {
	random := rand.New(rand.NewPCG(uint64(writer), 1))
	for i := 0; ; i++ {
		select {
		case <-over:
			return
		case <-time.After(time.Duration(random.IntN(10)) * time.Millisecond):
		}
		text := fmt.Sprint("writer ", writer, " text ", i)
		s := c.seats[c.names[random.IntN(len(c.names))]]
		node, _ := s.now()
		if !s.running() || node == nil {
			continue
		}
		size := 10
		if random.IntN(20) == 0 {
			size = 70 << 10
		}
		err := s.propose(text, size)
		var known *firn.Error
		b.mu.Lock()
		if err == nil {
			b.acked = append(b.acked, text)
		} else if errors.As(err, &known) && known.Retry() == firn.RetrySafe {
			b.refused[text] = true
		}
		b.mu.Unlock()
	}
}

// readOn reads at whichever node.
func (b *book) readOn(c *cluster, reader int, over chan struct{}) {
	random := rand.New(rand.NewPCG(uint64(reader), 2))
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Duration(random.IntN(40)) * time.Millisecond):
		}
		s := c.seats[c.names[random.IntN(len(c.names))]]
		if !s.running() {
			continue
		}
		node, machine := s.now()
		before := b.ackedSoFar()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := node.ReadIndex(ctx)
		cancel()
		if err != nil {
			continue
		}
		shown := map[string]bool{}
		for _, text := range machine.Texts() {
			shown[text] = true
		}
		for _, text := range before {
			if !shown[text] {
				b.mu.Lock()
				b.stale = append(b.stale, fmt.Sprintf("a read at %s lacks %q, acknowledged before it began", s.id, text))
				b.mu.Unlock()
			}
		}
	}
}

func (b *book) check(c *cluster) {
	t := c.t
	for _, s := range b.stale {
		t.Error(s)
	}
	_, m := c.leader().now()
	want := m.Texts()
	c.agree(want)
	count := map[string]int{}
	for _, text := range want {
		count[text]++
	}
	for _, text := range b.acked {
		if count[text] != 1 {
			t.Errorf("%q was acknowledged and is there %d times", text, count[text])
		}
	}
	for text := range b.refused {
		if count[text] != 0 {
			t.Errorf("%q was refused and is there", text)
		}
	}
	for _, s := range c.seats {
		if err := s.failure(); err != nil {
			t.Errorf("node %s failed: %v", s.id, err)
		}
	}
	t.Logf("%d acknowledged, %d refused, %d in all", len(b.acked), len(b.refused), len(want))
}
