package replication_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// A follower whose disk is full leaves Raft and can still be read; the majority
// goes on. Above twice the reserve it takes part again by itself.
func TestFollowerFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		leader := c.write("first")
		c.agree([]string{"first"})
		full := c.seats[without(c.names, leader.id)[0]]
		full.diskFree.Store(1<<30 - 1)
		time.Sleep(2 * time.Second)
		c.write("second")
		time.Sleep(2 * time.Second)
		node, machine := full.now()
		if got := machine.Texts(); len(got) != 1 {
			t.Errorf("the full node took %v", got)
		}
		if s := node.Status(); !strings.Contains(s.Trouble, "1073741823 bytes free") {
			t.Errorf("it says: %q", s.Trouble)
		}
		if now := c.leader(); now != leader {
			t.Errorf("leadership went from %s to %s", leader.id, now.id)
		}
		full.diskFree.Store(2<<30 - 1)
		time.Sleep(3 * time.Second)
		if got := machine.Texts(); len(got) != 1 {
			t.Errorf("below twice the reserve it took %v", got)
		}
		full.diskFree.Store(2 << 30)
		c.agree([]string{"first", "second"})
		if full.failure() != nil {
			t.Errorf("it failed: %v", full.failure())
		}
	})
}

// A leader whose disk is full hands leadership on to one that has room; where
// nobody has, it says so to whoever appends.
func TestLeaderFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		old := c.write("first")
		c.agree([]string{"first"})
		time.Sleep(2 * time.Second)
		other := c.seats[without(c.names, old.id)[0]]
		other.diskFree.Store(0)
		time.Sleep(2 * time.Second)
		old.diskFree.Store(0)
		time.Sleep(2 * time.Second)
		third := without(without(c.names, old.id), other.id)[0]
		if node, _ := c.seats[third].now(); node.Raft().State() == raft.Leader {
			t.Error("a leader that cannot reach a majority leads")
		}

		alone := newCluster(t, "m1").start()
		alone.write("first")
		alone.seats["m1"].diskFree.Store(0)
		time.Sleep(2 * time.Second)
		if err := alone.seats["m1"].propose("too much", 10); !errors.Is(err, firn.ErrNoSpace) {
			t.Errorf("an append: %v", err)
		}
		alone.seats["m1"].diskFree.Store(4 << 30)
		time.Sleep(2 * time.Second)
		alone.write("again")
	})
}

// Leadership goes where there is room.
func TestLeaderFullHandsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		old := c.write("first")
		c.agree([]string{"first"})
		time.Sleep(2 * time.Second)
		old.diskFree.Store(0)
		c.await("another one leads", 3*time.Second, func() bool { return c.leader() != old })
		c.write("second")
		c.agree([]string{"first", "second"}, without(c.names, old.id)...)
	})
}

// A replica that applied something else stops, and names both hashes.
func TestReplicaDiverges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		leader := c.write("first")
		for i := range 300 {
			if err := leader.propose(fmt.Sprint("text ", i), 10); err != nil {
				t.Fatal(err)
			}
		}
		wrong := c.seats[without(c.names, leader.id)[0]]
		_, machine := wrong.now()
		machine.Damage()
		c.await("it stops", 4*time.Second, func() bool { return wrong.failure() != nil })
		if err := wrong.failure(); !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), "at index 256 this node's hash chain is ") {
			t.Errorf("it says: %v", err)
		}
		c.write("the others go on")

		// Now only two are left, and they differ: nobody knows which is right.
		_, machine = leader.now()
		machine.Damage()
		time.Sleep(3 * time.Second)
		if err := leader.propose("which of them?", 10); !errors.Is(err, firn.ErrUnavailable) || !strings.Contains(err.Error(), "no majority agrees") {
			t.Errorf("an append where two replicas differ: %v", err)
		}
	})
}

// A leader whose clock is far off does not stamp anything any more.
func TestClockOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		old := c.write("first")
		time.Sleep(2 * time.Second)
		old.ahead.Store(int64(time.Hour))
		c.await("another one leads", 4*time.Second, func() bool { return c.leader() != old })
		node, _ := old.now()
		if s := node.Status(); !strings.Contains(s.Trouble, "1h0m0s ahead") {
			t.Errorf("it says: %q", s.Trouble)
		}
		c.write("second")
		_, machine := c.leader().now()
		times := machine.Times()
		if d := time.Duration(times[1]-times[0]) * time.Microsecond; d > time.Minute {
			t.Errorf("the second text is stamped %v after the first", d)
		}
	})
}

// A leader's clock jumps by years. It is noticed by the next append, not by the
// next comparison with the others, a second later: no event is dated so. With one
// node down, that comparison is of two clocks, and the leader still knows whose
// has jumped.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{3 * 365 * 24 * time.Hour, 7 * time.Second, -24 * time.Hour} {
		for _, down := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) { clockJumps(t, jump, down) })
		}
	}
}

func clockJumps(t *testing.T, jump time.Duration, down bool) {
	c := newCluster(t, "n1", "n2", "n3").start()
	leader := c.write("first")
	time.Sleep(2 * time.Second)
	leader.ahead.Store(int64(jump))
	err := leader.propose("refused", 10)
	if !errors.Is(err, firn.ErrUnavailable) || !strings.Contains(err.Error(), "clock") {
		t.Errorf("a clock that jumps by %v, and then an append: %v", jump, err)
	}
	if down {
		c.seats[without(c.names, leader.id)[0]].stop(true)
		time.Sleep(3 * time.Second)
		if err := leader.propose("refused", 10); err == nil {
			t.Errorf("a clock that has jumped by %v is taken for right, one node being down", jump)
		}
	}
	leader.ahead.Store(0)
	time.Sleep(3 * time.Second)
	up := c.names
	if down {
		up = slices.DeleteFunc(slices.Clone(up), func(name string) bool { return !c.seats[name].running() })
	}
	_, machine := c.write("second", up...).now()
	c.agree([]string{"first", "second"}, up...)
	for _, at := range machine.Times() {
		if d := time.Until(time.UnixMicro(at)); d > time.Second || d < -20*time.Second {
			t.Errorf("a text is stamped %v ahead", d)
		}
	}
}

// The moment of the jump does not matter, not even that between a question to the
// others and their answer.
func TestClockJumpsAtAnyMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3")
		for _, a := range c.names {
			for _, z := range c.names {
				c.sim.Delay(a, z, 15*time.Millisecond)
			}
		}
		c.start()
		c.write("first")
		time.Sleep(2 * time.Second)
		for range 110 {
			leader := c.leader()
			leader.ahead.Store(int64(time.Hour))
			_ = leader.propose("at once", 10)
			time.Sleep(100 * time.Millisecond) // answers that were under way have come
			_ = leader.propose("a little later", 10)
			leader.ahead.Store(0)
			time.Sleep(2*time.Second + 10*time.Millisecond)
		}
		_, machine := c.write("last").now()
		for i, at := range machine.Times() {
			if d := time.Until(time.UnixMicro(at)); d > time.Second {
				t.Fatalf("text %d is stamped %v ahead", i, d)
			}
		}
	})
}

// A node that was just started compares its clock before it appends.
func TestClockOffFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3")
		for _, s := range c.seats {
			s.ahead.Store(int64(time.Hour))
		}
		c.seats["n2"].ahead.Store(int64(48 * time.Hour))
		c.start()
		c.write("first")
		_, machine := c.leader().now()
		if d := time.Until(time.UnixMicro(machine.Times()[0])); d > time.Hour+time.Second {
			t.Errorf("the first text is stamped %v ahead", d)
		}
	})
}

// An entry of a later release stops the node before it.
func TestUnknownCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1").start()
		s := c.write("first")
		time.Sleep(3 * time.Second) // the leader's own proposals are through
		node, machine := s.now()
		before, _ := machine.Applied()
		item := []byte{200, 1, 0} // kind 200, one byte
		if _, err := node.Propose(t.Context(), item); !errors.Is(err, firn.ErrUnknown) {
			t.Errorf("the proposal ended with: %v", err)
		}
		c.await("it stops", time.Second, func() bool { return s.failure() != nil })
		if err := s.failure(); !errors.Is(err, firn.ErrUnsupported) {
			t.Errorf("it says: %v", err)
		}
		if after, _ := machine.Applied(); after != before {
			t.Errorf("it went from %d to %d", before, after)
		}
	})
}

// The cluster version is raised once every member knows it, and the cluster is
// founded once.
func TestFoundedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		c.write("first")
		time.Sleep(3 * time.Second)
		cluster, history := c.seats["n1"].machine.Identity()
		if cluster == ([16]byte{}) || history == ([16]byte{}) {
			t.Error("the cluster has no identity")
		}
		for range 5 {
			old := c.leader()
			old.stop(true)
			c.write("more", without(c.names, old.id)...)
			old.start(nil)
			time.Sleep(2 * time.Second)
		}
		for _, name := range c.names {
			_, m := c.seats[name].now()
			if other, its := m.Identity(); other != cluster || its != history {
				t.Errorf("%s has another identity", name)
			}
			if m.ClusterVersion() != command.VersionNow {
				t.Errorf("%s has cluster version %d", name, m.ClusterVersion())
			}
		}
	})
}
