package replication_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/raftlog"
	"github.com/firndb/firn/replication/replicationtest"
)

// A node's store is put back to an older copy, or lost, behind the log's back.
// The log begins later than the store ends; without the check the node would
// run, vote, and never hold what was in between.
func TestStoreOlderThanLog(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		t.Run(fmt.Sprint("upstream=", upstream), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newSmallCluster(t).start()
				c.write("first")
				want := []string{"first"}
				c.fill(&want, 10, c.names...)
				c.agree(want)
				s := c.seats["n2"]
				s.stop(true)
				s.disk = new(replicationtest.Disk)
				if upstream {
					s.rules = replication.NewRules(func(r *replication.TestRules) { r.Unchecked = true })
					s.start(nil)
					if node, _ := s.now(); node.Raft().AppliedIndex() < 10 {
						t.Error("Raft noticed by itself")
					}
					return
				}
				err := s.tryStart(nil)
				if !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), "only up to 0") {
					t.Errorf("opened: %v", err)
				}
			})
		})
	}
}

// The log is lost, and the store is not: the vote is lost with it.
func TestLogOlderThanStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1").start()
		c.write("first")
		s := c.seats["n1"]
		s.stop(false)
		disk := s.disk
		s.wipe()
		s.disk = disk
		err := s.tryStart(nil)
		if !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), "the log ends at 0") {
			t.Errorf("opened: %v", err)
		}
	})
}

// The power is lost while a node writes its first configuration: the term is on
// disk, the entry is not. The library takes that for a node in use, which waits
// to be added by others; started again with the same first members, it begins the
// cluster.
func TestHalfABootstrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1")
		s := c.seats["n1"]
		log, err := raftlog.Open("raft", raftlog.Options{FS: s.fs, OnFatal: func(err error) { t.Error(err) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(log.SetUint64([]byte("CurrentTerm"), 1), log.Close()); err != nil {
			t.Fatal(err)
		}
		c.start()
		if node, _ := s.now(); len(node.Status().Nodes) != 1 {
			t.Fatalf("node n1 knows %d members", len(node.Status().Nodes))
		}
		c.write("first")
		c.agree([]string{"first"})
	})
}

// Between what is applied and what comes next there may be Raft's own entries,
// and nothing else.
func TestHole(t *testing.T) {
	log, err := raftlog.Open("raft", raftlog.Options{FS: vfs.NewMem(), OnFatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	kinds := []raft.LogType{raft.LogConfiguration, raft.LogNoop, raft.LogCommand, raft.LogNoop, raft.LogBarrier, raft.LogCommand}
	for i, kind := range kinds {
		if err := log.StoreLog(&raft.Log{Index: uint64(i + 1), Term: 1, Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		below, above uint64
		want         string
	}{
		{0, 3, ""}, {3, 6, ""}, {2, 3, ""},
		{0, 6, "entry 3 in between is a command"},
		{6, 8, "entry 7 in between cannot be read"},
	} {
		err := replication.Hole(log, c.below, c.above)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("between %d and %d: %v, want %q", c.below, c.above, err, c.want)
		}
	}
}

// Options are checked together.
func TestOptions(t *testing.T) {
	_, err := replication.Open(replication.Options{Bootstrap: []replication.Server{{ID: "n2", Peer: "h:1"}}})
	for _, want := range []string{"ID must have", "Log must be set", "OnFatal must be set", "does not list this node"} {
		if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to say %q", err, want)
		}
	}
}

// Raft shuts down while its log is slow. It never answers some of what was
// handed to it; the library's caller waits for ever.
func TestFuturesLostUpstream(t *testing.T) {
	t.Parallel()
	for range 10 {
		store, snapshots := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
		_, transport := raft.NewInmemTransport("f")
		config := raft.DefaultConfig()
		config.LocalID, config.Logger, config.BatchApplyCh = "f", hclog.NewNullLogger(), true
		config.HeartbeatTimeout, config.ElectionTimeout, config.LeaderLeaseTimeout = 20*time.Millisecond, 20*time.Millisecond, 10*time.Millisecond
		members := raft.Configuration{Servers: []raft.Server{{ID: "f", Address: "f"}}}
		if err := raft.BootstrapCluster(config, store, store, snapshots, transport, members); err != nil {
			t.Fatal(err)
		}
		slow := &faulty{LogStore: store}
		r, err := raft.NewRaft(config, ignoring{}, slow, store, snapshots, transport)
		if err != nil {
			t.Fatal(err)
		}
		for r.State() != raft.Leader || r.VerifyLeader().Error() != nil {
			time.Sleep(time.Millisecond)
		}
		slow.gate.shut()
		answers := make(chan error, 20)
		for range cap(answers) {
			go func() { answers <- r.Apply([]byte("x"), time.Second).Error() }()
		}
		time.Sleep(50 * time.Millisecond)
		r.Shutdown()
		slow.gate.open()
		answered := 0
		for late := time.After(300 * time.Millisecond); answered < cap(answers); answered++ {
			select {
			case <-answers:
				continue
			case <-late:
			}
			return // lost, as expected
		}
	}
	t.Error("each future was answered; nobody need bound the wait")
}

// Whoever proposes gets an answer, without a deadline of its own, also from a
// node that is closed while its log hangs.
func TestNobodyWaitsForEver(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "n1")
	s, log := c.seats["n1"], new(faulty)
	s.rules = replication.NewRules(func(r *replication.TestRules) {
		r.WrapLog = func(l raft.LogStore) raft.LogStore { log.LogStore = l; return log }
	})
	c.start()
	c.write("first")
	node, _ := s.now()
	log.gate.shut()
	var callers sync.WaitGroup
	answers := make(chan error, 20)
	for i := range cap(answers) {
		callers.Go(func() {
			_, err := node.Propose(context.Background(), replicationtest.Item("late", 10))
			answers <- err
		})
		for node.Waiting() <= i { // one after the other, so that the first two are entries of their own
			time.Sleep(time.Millisecond)
		}
	}
	closed := make(chan struct{})
	go func() {
		s.stop(true)
		close(closed)
	}()
	callers.Wait() // the log still hangs
	log.gate.open()
	<-closed
	unknown, refused := 0, 0
	for range cap(answers) {
		switch err := <-answers; {
		case errors.Is(err, firn.ErrUnknown):
			unknown++
		case errors.Is(err, firn.ErrUnavailable):
			refused++
		default:
			t.Errorf("an append ended with: %v", err)
		}
	}
	if unknown == 0 || refused == 0 {
		t.Errorf("%d appends ended unknown and %d refused", unknown, refused)
	}
}
