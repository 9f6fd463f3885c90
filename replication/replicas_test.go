package replication_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn/replication"
)

// replica adds a node that serves reads only.
func (c *cluster) replica(name string) *seat {
	c.t.Helper()
	s := c.add(name)
	s.adjust = func(o *replication.Options) { o.Self.Replica = true }
	c.join(s)
	c.await(name+" is a read replica", 10*time.Second, func() bool { return c.role(name) == replication.RoleReplica })
	return s
}

// A read replica that is down is a read replica still, also for leaders that
// have never heard it; what is promoted is a voter, and nothing else is.
func TestReplicaStaysOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		c.write("first")
		voters := c.names
		reader := c.replica("n4")
		time.Sleep(3 * time.Second) // all have heard it
		reader.stop(true)
		for _, name := range voters {
			c.seats[name].stop(true)
		}
		for _, name := range voters {
			c.seats[name].start(nil)
		}
		leader := c.write("second", voters...)
		node, _ := leader.now()
		for _, m := range node.Status().Nodes {
			if m.ID == "n4" && (m.Role != replication.RoleReplica || m.Up) {
				t.Errorf("the replica that is down: %+v", m)
			}
		}

		reader.start(nil)
		c.agree([]string{"first", "second"})
		time.Sleep(5 * time.Second)
		if role := c.role("n4"); role != replication.RoleReplica {
			t.Errorf("started again it is a %q", role)
		}
		node, _ = c.leader(voters...).now()
		if err := node.Promote(t.Context(), "n4"); err != nil {
			t.Fatal(err)
		}
		c.await("n4 is a voter", 10*time.Second, func() bool { return c.role("n4") == replication.RoleVoter })
	})
}

// A node comes back under the name of one that was removed, as a read replica.
// What was last heard under that name, of a node that had caught up, is not its,
// however long another node keeps the leader from asking anew.
func TestReplicaUnderAnOldName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		c.write("text")
		voters := c.names
		s := c.add("n4")
		c.join(s)
		c.await("n4 is a voter", 10*time.Second, func() bool { return c.role("n4") == replication.RoleVoter })
		leader := c.leader(voters...)
		silent := without(voters, leader.id)[0]
		c.sim.Part("n4", voters...)
		c.sim.Part(silent, without(c.names, silent)...)
		node, _ := leader.now()
		if err := node.Remove(t.Context(), "n4"); err != nil {
			t.Fatal(err)
		}
		s.stop(true)
		s.wipe()
		time.Sleep(3500 * time.Millisecond)
		if err := node.AddNonvoter(t.Context(), "n4", "n4:7410"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		for _, m := range node.Status().Nodes {
			if m.ID == "n4" && m.Role == replication.RoleVoter {
				t.Error("n4 was never heard, and is a voter")
			}
		}
		c.sim.Heal()
		time.Sleep(3 * time.Second) // the silent one learns that the node with the other disk was removed
		s.adjust = func(o *replication.Options) { o.Self.Replica = true }
		s.start(nil)
		c.agree([]string{"text"})
		time.Sleep(3 * time.Second)
		if role := c.role("n4"); role != replication.RoleReplica {
			t.Errorf("n4 is a %q, want a replica", role)
		}
	})
}

// Replicas that are gone, however many, keep nobody from appending: not even a
// leader that was just started and has heard none of them.
func TestReplicasThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1").start()
		c.write("first")
		for _, name := range []string{"r1", "r2", "r3"} {
			c.replica(name).stop(true)
		}
		c.write("second", "n1")
		c.seats["n1"].stop(true)
		c.seats["n1"].start(nil)
		c.write("third", "n1")
	})
}
