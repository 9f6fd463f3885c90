package replication_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication"
)

// late holds back what has already been answered, and gives it out piece by
// piece: a leader's packets are delayed on their way home.
type late struct {
	mu      sync.Mutex
	holding bool
	held    []chan struct{}
}

func (l *late) hold(raft.ServerID) {
	l.mu.Lock()
	if !l.holding {
		l.mu.Unlock()
		return
	}
	wait := make(chan struct{})
	l.held = append(l.held, wait)
	l.mu.Unlock()
	<-wait
}

// release lets one answer through; false when none is held.
func (l *late) release() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) == 0 {
		return false
	}
	close(l.held[0])
	l.held = l.held[1:]
	return true
}

func (l *late) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

func (l *late) releaseAll() {
	l.mu.Lock()
	l.holding = false
	l.mu.Unlock()
	for l.release() {
	}
}

// A leader is cut off from the others, who elect another one, which takes a
// write. Then a linearizable read arrives at the old leader, and only then do
// answers reach it that were given before the cut. They prove nothing about the
// time after the read arrived.
func TestReadAtDeposedLeader(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		t.Run(fmt.Sprint("upstream=", upstream), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries, stale, refused := 10, 0, 0
				if upstream {
					tries = 60 // it must come about once
				}
				for range tries {
					texts, err := readAfterDeposition(t, upstream)
					if err != nil {
						refused++
					} else if !slices.Contains(texts, "new") {
						stale++
					}
					if upstream && stale > 0 {
						return
					}
				}
				if upstream {
					t.Error("VerifyLeader was right each time; it could be trusted")
				} else if refused < tries {
					t.Errorf("of %d reads at the old leader %d were stale and %d refused", tries, stale, refused)
				}
			})
		})
	}
}

func readAfterDeposition(t *testing.T, upstream bool) ([]string, error) {
	c := newCluster(t, "n1", "n2", "n3")
	lates := map[string]*late{}
	for name, s := range c.seats {
		lates[name] = new(late)
		s.rules = replication.NewRules(func(r *replication.TestRules) { r.VerifyLeader, r.Hold = upstream, lates[name].hold })
	}
	defer c.stop()
	c.start()
	old := c.write("old")
	c.agree([]string{"old"})
	time.Sleep(3 * time.Second)
	l := lates[old.id]
	defer l.releaseAll()
	rest := without(c.names, old.id)

	// Answers begin to be late; requests still get through, until every sender
	// waits for an answer. Then the cut.
	l.mu.Lock()
	l.holding = true
	l.mu.Unlock()
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		_ = old.propose("on its way", 10)
	}()
	defer func() { <-lost }()
	time.Sleep(65 * time.Millisecond)
	c.sim.Part(old.id, rest...)
	// One late answer before each end of the lease, so that the old leader leads
	// for as long as it can, until the others have taken a write.
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		c.write("new", rest...)
	}()
	wait := 75 * time.Millisecond
	for waiting := true; waiting; wait = 120 * time.Millisecond {
		select {
		case <-wrote:
			waiting = false
		case <-time.After(wait):
			if l.left() > 1 {
				l.release()
			}
		}
	}
	node, machine := old.now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- node.ReadIndex(ctx) }()
	time.Sleep(2 * time.Millisecond)
	l.release() // given before the read arrived
	err := <-done
	return machine.Texts(), err
}

// Each node answers a linearizable read with everything that was acknowledged
// before it.
func TestLinearizableEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3")
		c.start()
		c.write("first")
		c.agree([]string{"first"})
		leader := c.leader()
		for _, a := range c.names { // followers lag
			c.sim.Delay(leader.id, a, 5*time.Millisecond)
		}
		want := []string{"first"}
		for i := range 30 {
			text := fmt.Sprint("text ", i)
			c.write(text)
			want = append(want, text)
			for _, name := range c.names {
				node, machine := c.seats[name].now()
				if err := node.ReadIndex(t.Context()); err != nil {
					t.Fatalf("read at %s: %v", name, err)
				}
				if got := machine.Texts(); len(got) < len(want) {
					t.Fatalf("read at %s after %d texts shows %d", name, len(want), len(got))
				}
			}
		}
	})
}

// Many reads share a round, and a read does not wait for the next heartbeat.
func TestReadsShareRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3")
		var mu sync.Mutex
		rounds, served := 0, 0
		for _, s := range c.seats {
			s.adjust = func(o *replication.Options) {
				o.Metrics.Round = func(reads int, _ time.Duration) {
					mu.Lock()
					defer mu.Unlock()
					rounds, served = rounds+1, served+reads
				}
			}
		}
		c.start()
		leader := c.write("text")
		for _, name := range without(c.names, leader.id) {
			c.sim.Delay(leader.id, name, time.Millisecond)
			c.sim.Delay(name, leader.id, time.Millisecond)
		}
		time.Sleep(time.Second)
		node, _ := leader.now()
		start := time.Now()
		var readers sync.WaitGroup
		for range 200 {
			readers.Go(func() {
				if err := node.ReadIndex(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		readers.Wait()
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("200 reads took %v, with a round trip of 2 ms", took)
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if served != 200 || rounds > 10 {
			t.Errorf("%d rounds served %d reads", rounds, served)
		}
	})
}

// Where there is no leader, a linearizable read is refused in bounded time.
func TestReadWithoutLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		leader := c.write("text")
		c.agree([]string{"text"})
		for _, name := range without(c.names, leader.id) {
			c.seats[name].stop(true)
		}
		node, _ := leader.now()
		start := time.Now()
		if err := node.ReadIndex(context.Background()); !errors.Is(err, firn.ErrUnavailable) && !errors.Is(err, firn.ErrNotLeader) {
			t.Errorf("a read at the only node left: %v", err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
