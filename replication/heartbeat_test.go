package replication_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/replicationtest"
)

// A leader is deposed by a heartbeat of the next term, and given something to
// write right after it. On the library's fast path it has not noticed yet, and
// writes under the term of its successor, whose log has other entries there.
func TestDeposedByHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if n := depose(t, false); n > 0 {
			t.Errorf("in %d of 30 terms the deposed leader wrote under its successor's term", n)
		}
	})
}

func TestDeposedByHeartbeatUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if n := depose(t, true); n == 0 {
			t.Error("in none of 30 terms the deposed leader wrote under its successor's term; the fast path could be allowed")
		}
	})
}

// depose deposes a leader 30 times and returns how often it has then written
// under a term that it did not lead.
func depose(t *testing.T, fast bool) (wrote int) {
	c := newCluster(t, "n1")
	s := c.seats["n1"]
	s.rules = replication.NewRules(func(r *replication.TestRules) { r.FastHeartbeats = fast })
	c.start()
	c.write("before")
	raw, stop := c.stranger("n2")
	defer stop()
	node, _ := s.now()
	entry := command.AppendEntry(nil, 1, replicationtest.Item("late", 10))
	for range 30 {
		c.leader()
		time.Sleep(10 * time.Millisecond)
		term := node.Raft().CurrentTerm() + 1
		var answer raft.AppendEntriesResponse
		if err := raw.AppendEntries("n1", "n1:7410", &raft.AppendEntriesRequest{
			RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: []byte("n2"), Addr: []byte("n2:7410")}, Term: term,
		}, &answer); err != nil {
			t.Fatal(err)
		}
		_ = node.Raft().Apply(entry, time.Second).Error()
		last, err := s.log.LastIndex()
		if err != nil {
			t.Fatal(err)
		}
		if e, err := s.log.Entry(last); err != nil {
			t.Fatal(err)
		} else if e.Term == term {
			wrote++
		}
	}
	return wrote
}
