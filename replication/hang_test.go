package replication_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication"
)

// gate blocks whoever passes while it is shut.
type gate struct {
	mu   sync.Mutex
	wait chan struct{}
}

func (g *gate) pass() {
	g.mu.Lock()
	wait := g.wait
	g.mu.Unlock()
	if wait != nil {
		<-wait
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wait = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wait != nil {
		close(g.wait)
		g.wait = nil
	}
}

// faulty is a log whose writes hang, take their time, or fail.
type faulty struct {
	raft.LogStore
	gate gate
	fail atomic.Bool
	slow func(bytes int) time.Duration
}

func (f *faulty) StoreLog(entry *raft.Log) error { return f.StoreLogs([]*raft.Log{entry}) }

func (f *faulty) StoreLogs(entries []*raft.Log) error {
	f.gate.pass()
	if f.fail.Load() {
		return errors.New("injected: no space left on device")
	}
	if f.slow != nil {
		bytes := 0
		for _, e := range entries {
			bytes += len(e.Data)
		}
		time.Sleep(f.slow(bytes))
	}
	return f.LogStore.StoreLogs(entries)
}

// faultyCluster has a faulty log under every node.
func faultyCluster(t *testing.T, change func(*replication.TestRules)) (*cluster, map[string]*faulty) {
	c := newCluster(t, "n1", "n2", "n3")
	logs := map[string]*faulty{}
	for name, s := range c.seats {
		logs[name] = new(faulty)
		s.rules = replication.NewRules(func(r *replication.TestRules) {
			r.WrapLog = func(l raft.LogStore) raft.LogStore {
				logs[name].LogStore = l
				return logs[name]
			}
			change(r)
		})
	}
	return c, logs
}

// The leader's disk hangs. Its heartbeats leave all the same, so nobody else
// is elected, and nothing is written any more, unless somebody watches.
func TestLeaderDiskHangs(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		t.Run(fmt.Sprint("upstream=", upstream), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, logs := faultyCluster(t, func(r *replication.TestRules) { r.NoWatchdogs = upstream })
				c.start()
				old := c.write("before")
				logs[old.id].gate.shut()
				defer logs[old.id].gate.open()
				answer := make(chan error, 1)
				go func() { answer <- old.propose("into the hanging disk", 10) }()
				rest := without(c.names, old.id)
				if upstream {
					time.Sleep(time.Minute)
					for _, name := range rest {
						if node, _ := c.seats[name].now(); node.Raft().State() == raft.Leader {
							t.Errorf("%s was elected; the watchdog is not needed any more", name)
						}
					}
					if err := <-answer; !errors.Is(err, firn.ErrUnknown) {
						t.Errorf("the append ended with: %v", err)
					}
					return
				}
				start := time.Now()
				c.write("after", rest...)
				if took := time.Since(start); took > 6*time.Second {
					t.Errorf("failover took %v, want less than 6 s", took)
				}
				if err := old.failure(); !errors.Is(err, firn.ErrUnavailable) {
					t.Errorf("%s failed with: %v", old.id, err)
				}
				if err := <-answer; !errors.Is(err, firn.ErrUnknown) {
					t.Errorf("the append ended with: %v", err)
				}
				if err := old.propose("too late", 10); !errors.Is(err, firn.ErrUnavailable) {
					t.Errorf("an append at the node that failed: %v", err)
				}
			})
		})
	}
}

// The leader's apply hangs: the log grows and nobody is answered.
func TestLeaderApplyHangs(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		t.Run(fmt.Sprint("upstream=", upstream), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := faultyCluster(t, func(r *replication.TestRules) { r.NoWatchdogs = upstream })
				c.start()
				old := c.write("before")
				var g gate
				_, machine := old.now()
				machine.SetHold(g.pass)
				g.shut()
				defer g.open()
				go old.propose("into the hanging machine", 10)
				rest := without(c.names, old.id)
				if upstream {
					time.Sleep(time.Minute)
					if node, _ := old.now(); node.Raft().State() != raft.Leader {
						t.Error("it does not lead any more; the watchdog is not needed any more")
					}
					return
				}
				start := time.Now()
				c.write("after", rest...)
				if took := time.Since(start); took > 6*time.Second {
					t.Errorf("failover took %v, want less than 6 s", took)
				}
				if err := old.failure(); !errors.Is(err, firn.ErrUnavailable) {
					t.Errorf("%s failed with: %v", old.id, err)
				}
			})
		})
	}
}

// A write to the log fails: the node takes no part any more, at once.
func TestDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, logs := faultyCluster(t, func(*replication.TestRules) {})
		c.start()
		old := c.write("before")
		logs[old.id].fail.Store(true)
		// A write of Raft's own may come first: then the append is refused.
		if err := old.propose("into the failing disk", 10); !errors.Is(err, firn.ErrUnknown) && !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("the append ended with: %v", err)
		}
		c.await("it fails", time.Second, func() bool { return old.failure() != nil })
		c.write("after", without(c.names, old.id)...)
	})
}

// A follower's log fails for some moments under load. With a second request
// under way, the library never sends it anything any more.
func TestFollowerDiskFailsBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if cutOff(t, false) {
			t.Error("the follower is cut off")
		}
	})
}

// The library's own behaviour leaves goroutines that never end, so it is shown
// outside a bubble.
func TestFollowerDiskFailsBrieflyUpstream(t *testing.T) {
	t.Parallel()
	for range 30 {
		if cutOff(t, true) {
			return
		}
	}
	t.Error("the follower was never cut off; pipelining could be allowed")
}

func cutOff(t *testing.T, pipelining bool) bool {
	c, logs := faultyCluster(t, func(r *replication.TestRules) { r.NoWatchdogs, r.Pipelining = true, pipelining })
	for _, l := range logs {
		l.slow = func(int) time.Duration { return 100 * time.Microsecond }
	}
	c.start()
	leader := c.write("before")
	c.agree([]string{"before"})
	follower := c.seats[without(c.names, leader.id)[0]]
	c.sim.Delay(leader.id, follower.id, 500*time.Microsecond)
	c.sim.Delay(follower.id, leader.id, 500*time.Microsecond)
	var stop atomic.Bool
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for !stop.Load() {
				_ = leader.propose("load", 10)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	for range 10 {
		logs[follower.id].fail.Store(true)
		time.Sleep(3 * time.Millisecond)
		logs[follower.id].fail.Store(false)
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond)
	node, _ := follower.now()
	before := node.Raft().LastIndex()
	time.Sleep(500 * time.Millisecond)
	stuck := node.Raft().LastIndex() == before
	stop.Store(true)
	writers.Wait()
	return stuck
}
