package replication_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn/replication"
)

// small makes logs short: they are shortened every 256 KiB.
func small(o *replication.Options) {
	o.Limits.SnapshotBytes, o.Limits.TrailingBytes = 256<<10, 256<<10
}

func newSmallCluster(t *testing.T) *cluster {
	c := newCluster(t, "n1", "n2", "n3")
	for _, s := range c.seats {
		s.adjust = small
	}
	return c
}

// fill writes texts with 64 KiB beside each, until all logs among the nodes
// begin behind an index.
func (c *cluster) fill(want *[]string, behind uint64, among ...string) {
	c.t.Helper()
	for i := 0; ; i++ {
		text := fmt.Sprint("filling ", len(*want))
		for c.leader(among...).propose(text, 64<<10) != nil {
			time.Sleep(10 * time.Millisecond)
		}
		*want = append(*want, text)
		time.Sleep(20 * time.Millisecond)
		short := true
		for _, name := range among {
			first, err := c.seats[name].log.FirstIndex()
			short = short && err == nil && first > behind
		}
		if short {
			return
		}
		if i > 200 {
			c.t.Fatalf("the logs of %v were not shortened", among)
		}
	}
}

// A node was away while the others shortened their logs. It comes back, is
// sent an image, is opened again with it, and goes on.
func TestImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSmallCluster(t).start()
		c.write("first")
		want := []string{"first"}
		c.agree(want)
		away := c.seats["n3"]
		if c.leader() == away {
			away = c.seats["n2"]
		}
		away.stop(true)
		rest := without(c.names, away.id)
		c.fill(&want, 10, rest...)
		away.start(nil)
		c.agree(want)
		if away.restarts != 1 {
			t.Errorf("%s was opened again %d times, want 1", away.id, away.restarts)
		}
		c.write("last")
		c.agree(append(want, "last"))
	})
}

// A node joins a cluster of one whose log is shortened, and the answer to the
// image that it is sent is lost. It is sent another, of the same index, since
// nothing is written; and the two of them go on.
func TestImageWhoseAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1")
		c.seats["n1"].adjust = small
		c.start()
		c.write("first")
		want := []string{"first"}
		c.fill(&want, 10, "n1")
		s := c.add("n2")
		c.sim.Delay("n2", "n1", 200*time.Millisecond) // so that it is still under way
		s.adjust = func(o *replication.Options) {
			small(o)
			o.OnRestart = func(string) {
				if s.restarts == 0 {
					c.sim.Delay("n2", "n1", 0)
					c.sim.Break("n1", "n2")
				}
				s.reopen()
			}
		}
		s.start(nil)
		node, _ := c.leader("n1").now()
		if err := node.AddNonvoter(t.Context(), s.id, s.id+":7410"); err != nil {
			t.Fatal(err)
		}
		c.agree(want)
		c.await("the other votes", 30*time.Second, func() bool {
			members := node.Status().Nodes
			return len(members) == 2 && members[1].Role == replication.RoleVoter
		})
		c.write("last")
		c.agree(append(want, "last"))
	})
}

// A leader is cut off with entries that nobody else has. The others go on and
// shorten their logs; so when it is back, an image goes over a log whose end
// was never committed. It must come out as the others are.
func TestImageOverDivergentLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSmallCluster(t).start()
		c.write("first")
		want := []string{"first"}
		c.agree(want)
		old := c.leader()
		rest := without(c.names, old.id)
		c.sim.Part(old.id, rest...)
		for i := range 20 { // more than the others commit meanwhile, so that its log is longer
			go old.propose(fmt.Sprint("never committed ", i), 10)
		}
		c.fill(&want, 10, rest...)
		c.sim.Heal()
		c.agree(want)
		if err := old.failure(); err != nil {
			t.Errorf("%s failed: %v", old.id, err)
		}
		c.write("last")
		c.agree(append(want, "last"))
	})
}

// What the library does by itself in that situation: the entries behind the
// image stay, of a term that the leader's are not, and every append is refused.
func TestImageOverDivergentLogUpstream(t *testing.T) {
	store, snapshots := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
	_, follower := raft.NewInmemTransport("f")
	_, leader := raft.NewInmemTransport("b")
	leader.Connect("f", follower)
	config := raft.DefaultConfig()
	config.LocalID, config.Logger = "f", hclog.NewNullLogger()
	config.HeartbeatTimeout, config.ElectionTimeout = 30*time.Second, 30*time.Second
	members := raft.Configuration{Servers: []raft.Server{{ID: "f", Address: "f"}, {ID: "a", Address: "a"}, {ID: "b", Address: "b"}}}
	if err := raft.BootstrapCluster(config, store, store, snapshots, follower, members); err != nil {
		t.Fatal(err)
	}
	r, err := raft.NewRaft(config, ignoring{}, store, store, snapshots, follower)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown()
	entries := func(from, to, term uint64) (list []*raft.Log) {
		for i := from; i <= to; i++ {
			list = append(list, &raft.Log{Index: i, Term: term})
		}
		return list
	}
	header := func(id string) raft.RPCHeader {
		return raft.RPCHeader{ProtocolVersion: 3, ID: []byte(id), Addr: []byte(id)}
	}
	send := func(from string, term, prev, prevTerm uint64, list []*raft.Log) bool {
		var answer raft.AppendEntriesResponse
		request := &raft.AppendEntriesRequest{RPCHeader: header(from), Term: term, PrevLogEntry: prev, PrevLogTerm: prevTerm, Entries: list}
		if err := leader.AppendEntries("f", "f", request, &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Success
	}
	if !send("a", 2, 1, 1, entries(2, 100, 2)) {
		t.Fatal("the first leader's entries were refused")
	}
	var answer raft.InstallSnapshotResponse
	request := &raft.InstallSnapshotRequest{RPCHeader: header("b"), SnapshotVersion: 1, Term: 3, Leader: []byte("b"), LastLogIndex: 50, LastLogTerm: 3, Configuration: raft.EncodeConfiguration(members), ConfigurationIndex: 1, Size: 4}
	if err := leader.InstallSnapshot("f", "f", request, &answer, strings.NewReader("data")); err != nil || !answer.Success {
		t.Fatalf("install: %v, %v", answer.Success, err)
	}
	if send("b", 3, 50, 3, entries(51, 52, 3)) {
		t.Error("the library takes the entries after the image; the log need not be adopted any more")
	}
}

// ignoring is an FSM without state.
type ignoring struct{}

func (ignoring) Apply(*raft.Log) any                 { return nil }
func (ignoring) Snapshot() (raft.FSMSnapshot, error) { return nil, raft.ErrNothingNewToSnapshot }
func (ignoring) Restore(r io.ReadCloser) error       { return r.Close() }
