package replication_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication"
)

func (c *cluster) join(s *seat) {
	c.t.Helper()
	s.start(nil)
	node, _ := c.leader(without(c.names, s.id)...).now()
	if err := node.AddNonvoter(context.Background(), s.id, s.id+":7410"); err != nil {
		c.t.Fatalf("add %s: %v", s.id, err)
	}
}

func (c *cluster) role(id string) replication.Role {
	node, _ := c.leader().now()
	for _, s := range node.Status().Nodes {
		if s.ID == id {
			return s.Role
		}
	}
	return ""
}

// Nodes are added while somebody writes: a learner gets everything and becomes
// a voter by itself; a replica gets everything and does not. One is removed.
func TestMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1").start()
		var want []string
		write := func(n int) {
			for range n {
				text := fmt.Sprint("text ", len(want))
				c.write(text)
				want = append(want, text)
			}
		}
		write(50)
		c.join(c.add("n2"))
		c.join(c.add("n3"))
		reader := c.add("n4")
		reader.adjust = func(o *replication.Options) { o.Self.Replica = true }
		c.join(reader)
		write(50)
		for _, id := range []string{"n2", "n3"} {
			c.await(id+" is a voter", 10*time.Second, func() bool { return c.role(id) == replication.RoleVoter })
		}
		c.agree(want)
		time.Sleep(5 * time.Second)
		if role := c.role("n4"); role != replication.RoleReplica {
			t.Errorf("n4 is a %q, want a replica", role)
		}

		alone := newCluster(t, "m1").start()
		alone.write("text")
		node, _ := alone.leader().now()
		for what, err := range map[string]error{"transfer": node.Transfer(t.Context(), ""), "remove": node.Remove(t.Context(), "m1")} {
			if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), "only voter") {
				t.Errorf("%s where there is one voter: %v", what, err)
			}
		}

		node, _ = c.leader().now()
		if err := node.Remove(context.Background(), "n4"); err != nil {
			t.Errorf("remove n4: %v", err)
		}
		if err := node.Remove(context.Background(), "n5"); !errors.Is(err, firn.ErrNotFound) {
			t.Errorf("remove n5: %v, want not found", err)
		}
		// The leader itself can be removed; the others elect another one.
		gone := c.leader()
		node, _ = gone.now()
		if err := node.Remove(context.Background(), gone.id); err != nil {
			t.Errorf("remove the leader %s: %v", gone.id, err)
		}
		rest := without(without(c.names, gone.id), "n4")
		c.write("without it", rest...)
		c.agree(append(want, "without it"), rest...)
	})
}

// Status says who leads, and what each member has told about itself.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		leader := c.write("text")
		time.Sleep(3 * time.Second)
		down := c.seats[without(c.names, leader.id)[0]]
		down.stop(true)
		time.Sleep(3 * time.Second)
		node, machine := leader.now()
		s := node.Status()
		if s.Leader != leader.id || s.Term == 0 || s.Trouble != "" || len(s.Nodes) != 3 {
			t.Fatalf("status %+v", s)
		}
		applied, _ := machine.Applied()
		for _, m := range s.Nodes {
			want := replication.NodeStatus{ID: m.ID, Role: replication.RoleVoter, Up: m.ID != down.id,
				Client: m.ID + ":7400", Peer: m.ID + ":7410", HTTP: m.ID + ":7420", Applied: applied, Version: "test", DiskFree: 100 << 30}
			m.ClockAhead = 0
			if m != want {
				t.Errorf("status of %s:\n got %+v\nwant %+v", m.ID, m, want)
			}
		}
	})
}

// Whoever does not lead says who does, with the address for clients.
func TestNotLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		leader := c.write("text")
		time.Sleep(2 * time.Second)
		for _, name := range without(c.names, leader.id) {
			err := c.seats[name].propose("misdirected", 10)
			var known *firn.Error
			if !errors.As(err, &known) || known.Kind != firn.ErrNotLeader || known.Leader != leader.id+":7400" {
				t.Errorf("propose at %s: %v (%+v)", name, err, known)
			}
		}
		// Cut off from the others, it knows of no leader.
		c.sim.Part(leader.id, without(c.names, leader.id)...)
		time.Sleep(2 * time.Second)
		if err := leader.propose("cut off", 10); !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("propose at the node cut off: %v", err)
		}
	})
}

// A leader that is stopped hands leadership on first: writers are refused for a
// moment, and nothing is unknown.
func TestStopHandsLeadershipOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		old := c.write("text")
		time.Sleep(time.Second)
		start := time.Now()
		old.stop(false)
		c.leader(without(c.names, old.id)...)
		if took := time.Since(start); took > 150*time.Millisecond {
			t.Errorf("another leader after %v, sooner than any election timeout was expected", took)
		}
	})
}

// A leader that could reach nobody when it last asked hands leadership on as
// soon as it can.
func TestTransferAsksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3")
		for _, s := range c.seats {
			s.adjust = func(o *replication.Options) { o.Timing.Exchange = time.Hour }
		}
		c.start()
		old := c.write("text")
		node, _ := old.now()
		node.Forget()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := node.Transfer(ctx, ""); err != nil {
			t.Error(err)
		}
		c.leader(without(c.names, old.id)...)
	})
}

// A member votes, loses its disk, and comes back: it would vote once more in the
// same term, for somebody else.
func TestMemberWithEmptyDisk(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		t.Run(fmt.Sprint("upstream=", upstream), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "n1", "n2", "n3")
				if upstream {
					for _, s := range c.seats {
						s.rules = replication.NewRules(func(r *replication.TestRules) { r.AnyDisk = true })
					}
				}
				c.start()
				leader := c.write("committed")
				c.agree([]string{"committed"})
				voter := c.seats[without(c.names, leader.id)[0]]
				rest := without(c.names, voter.id)
				time.Sleep(3 * time.Second)

				c.sim.Part(voter.id, rest...)
				first, second := c.vote(voter, rest[0], 50), false
				voter.stop(true)
				voter.wipe()
				voter.start(c.first())
				time.Sleep(time.Second)
				second = c.vote(voter, rest[1], 50)
				if !first || second != upstream {
					t.Fatalf("voted for %s: %v, and after the loss of its disk for %s in the same term: %v", rest[0], first, rest[1], second)
				}
				if upstream {
					return
				}
				c.sim.Heal()
				c.await("it is refused", 5*time.Second, func() bool { return voter.failure() != nil })
				if err := voter.failure(); !strings.Contains(err.Error(), "firn cluster remove "+voter.id) {
					t.Errorf("it says: %v", err)
				}
				// As it says: removed, and added anew.
				voter.stop(true)
				voter.wipe()
				voter.fatal = nil
				node, _ := c.leader(rest...).now()
				if err := node.Remove(context.Background(), voter.id); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				c.join(voter)
				c.await("it is a voter again", 10*time.Second, func() bool { return c.role(voter.id) == replication.RoleVoter })
				c.agree([]string{"committed"})
				if voter.failure() != nil {
					t.Errorf("it failed: %v", voter.failure())
				}
			})
		})
	}
}

// vote asks a node for its vote as a candidate would, and reports whether it
// was granted.
func (c *cluster) vote(s *seat, candidate string, term uint64) bool {
	c.t.Helper()
	raw, stop := c.stranger(candidate)
	defer stop()
	var answer raft.RequestVoteResponse
	err := raw.RequestVote(raft.ServerID(s.id), raft.ServerAddress(s.id+":7410"), &raft.RequestVoteRequest{
		RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: []byte(candidate), Addr: []byte(candidate + ":7410")},
		Term:      term, LastLogIndex: 1 << 40, LastLogTerm: term - 1, LeadershipTransfer: true,
	}, &answer)
	return err == nil && answer.Granted
}

// A leader that is cut off has a new member in its log, which a later leader takes
// out again. Whoever asks a second time must not be told that it is done: it
// would wait for its data for ever.
func TestMemberIsNotAddedByALostLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		old := c.write("first")
		rest := without(c.names, old.id)
		c.sim.Part(old.id, rest...)
		node, _ := old.now()
		add := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return node.AddNonvoter(ctx, "n4", "n4:7410")
		}
		for try := range 3 {
			if err := add(); err == nil {
				t.Errorf("attempt %d: a leader without a majority has added a member", try)
			}
		}
		c.sim.Heal()
		c.write("second")
		time.Sleep(3 * time.Second)
		leader, _ := c.leader().now()
		for range 2 {
			if err := leader.AddNonvoter(t.Context(), "n4", "n4:7410"); err != nil {
				t.Errorf("the new leader: %v", err)
			}
		}
		if n := len(leader.Status().Nodes); n != 4 {
			t.Errorf("there are %d members, want 4", n)
		}
	})
}
