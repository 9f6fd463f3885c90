package replication_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn/replication"
)

// A transfer of leadership to a node that does not answer is given up, tried
// again, and then leadership is lost while it runs. The library forgets to end
// it: when this node is elected again, it leads and refuses everything, for
// ever. The transfer's goroutine never ends, so this runs outside a bubble.
func TestTransferCutShort(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		t.Run(fmt.Sprint("upstream=", upstream), func(t *testing.T) {
			t.Parallel()
			for range 10 {
				if leadsAndRefuses(t, upstream) {
					return
				}
			}
			t.Error("the transfer was ended each time; nobody need watch for refusals")
		})
	}
}

func leadsAndRefuses(t *testing.T, upstream bool) bool {
	c := newCluster(t, "n1", "n2", "n3")
	defer c.stop()
	lates := map[string]*late{}
	for name, s := range c.seats {
		lates[name] = new(late)
		s.adjust = func(o *replication.Options) {
			o.Timing = replication.Timing{Heartbeat: 200 * time.Millisecond, Refusal: 500 * time.Millisecond}
		}
	}
	var target string // answers from it come late
	for name, s := range c.seats {
		s.rules = replication.NewRules(func(r *replication.TestRules) {
			r.NoWatchdogs = upstream
			r.Hold = func(id raft.ServerID) {
				lates[name].mu.Lock()
				to := target
				lates[name].mu.Unlock()
				if string(id) == to {
					lates[name].hold(id)
				}
			}
		})
	}
	c.start()
	old := c.write("before")
	c.agree([]string{"before"})
	rest := without(c.names, old.id)
	l := lates[old.id]
	defer l.releaseAll()
	l.mu.Lock()
	target, l.holding = rest[0], true
	l.mu.Unlock()
	if err := old.propose("the target does not get this", 10); err != nil {
		return false
	}
	node, _ := old.now()
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
		if node.Transfer(ctx, rest[0]) == nil {
			t.Fatal("leadership went to a node that does not answer")
		}
		cancel()
	}
	go func() { _ = node.Transfer(context.Background(), rest[0]) }()
	time.Sleep(10 * time.Millisecond)
	c.sim.Part(old.id, rest...)
	c.await("it leads no more", 5*time.Second, func() bool { return node.Raft().State() != raft.Leader })
	l.releaseAll()
	c.write("between", rest...)
	c.sim.Heal()
	for range 100 {
		other := c.leader()
		if other == old {
			break
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		otherNode, _ := other.now()
		_ = otherNode.Transfer(ctx, old.id)
		cancel()
		time.Sleep(20 * time.Millisecond)
		if old.failure() != nil {
			break
		}
	}
	start := time.Now()
	for time.Since(start) < 2500*time.Millisecond {
		if old.propose("after", 10) == nil {
			return false // the transfer was ended after all
		}
		if !upstream && old.failure() != nil {
			c.write("elsewhere", rest...)
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	if upstream {
		return old.failure() == nil && node.Raft().State() == raft.Leader
	}
	t.Errorf("it refuses, and nobody noticed")
	return true
}
