package peer_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/replication/peer/peertest"
)

// transport is Raft's transport over a port, as the replica above builds it.
func transport(t *testing.T, p *peer.Port, timeout time.Duration) *raft.NetworkTransport {
	tr := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: p.Raft(), MaxPool: 3, MaxRPCsInFlight: 1, Timeout: timeout, Logger: hclog.NewNullLogger(),
	})
	t.Cleanup(func() {
		tr.CloseStreams()
		_ = tr.Close()
	})
	return tr
}

type nothing struct{}

func (nothing) Apply(*raft.Log) any                 { return nil }
func (nothing) Snapshot() (raft.FSMSnapshot, error) { return nil, errors.New("none") }
func (nothing) Restore(r io.ReadCloser) error       { return r.Close() }

var servers = raft.Configuration{Servers: []raft.Server{
	{ID: "a", Address: "a:7410"}, {ID: "b", Address: "b:7410"}, {ID: "f", Address: "f:7410"},
}}

// follower runs a Raft that only ever answers.
func follower(t *testing.T, tr raft.Transport) {
	t.Helper()
	c := raft.DefaultConfig()
	c.LocalID = "f"
	c.Logger = hclog.NewNullLogger()
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 24*time.Hour, 24*time.Hour, time.Hour
	store := raft.NewInmemStore()
	snapshots := raft.NewInmemSnapshotStore()
	if err := raft.BootstrapCluster(c, store, store, snapshots, tr, servers); err != nil {
		t.Fatal(err)
	}
	r, err := raft.NewRaft(c, nothing{}, store, store, snapshots, tr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Shutdown().Error() })
}

func vote(tr *raft.NetworkTransport, term uint64) error {
	var answer raft.RequestVoteResponse
	return tr.RequestVote("f", "f:7410", &raft.RequestVoteRequest{
		RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: []byte("b"), Addr: []byte("b:7410")},
		Term:      term, LastLogIndex: 1000, LastLogTerm: 90, LeadershipTransfer: true,
	}, &answer)
}

// install sends a snapshot of 1 GiB, of which source gives what it gives.
func install(tr *raft.NetworkTransport, source io.Reader) error {
	var answer raft.InstallSnapshotResponse
	return tr.InstallSnapshot("f", "f:7410", &raft.InstallSnapshotRequest{
		RPCHeader:       raft.RPCHeader{ProtocolVersion: 3, ID: []byte("a"), Addr: []byte("a:7410")},
		SnapshotVersion: 1, Term: 60, Leader: []byte("a:7410"), LastLogIndex: 50, LastLogTerm: 60,
		Configuration: raft.EncodeConfiguration(servers), ConfigurationIndex: 1, Size: 1 << 30,
	}, &answer, source)
}

// A leader sent a snapshot and stalled in the middle of it: paused, or its disk
// hung, or its machine was gone without a word. The follower read the rest on
// Raft's main goroutine and waited for ever; it answered no vote, and a cluster
// of three with one node down had no leader. With the port's deadline the
// follower answers again after StallMax. The same situation without it, which is
// what Raft's own TCP transport does, shows that the test would notice.
func TestStalledSnapshot(t *testing.T) {
	frozen := func(t *testing.T, stallMax time.Duration, trickle time.Duration) (forHow time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			sim := peertest.NewSim()
			f := listen(t, sim, "f", func(o *peer.Options) { o.StallMax = stallMax })
			a, b := listen(t, sim, "a"), listen(t, sim, "b")
			follower(t, transport(t, f, time.Second))
			asks := transport(t, b, time.Second)
			if err := vote(asks, 50); err != nil {
				t.Fatal(err)
			}

			sends := transport(t, a, 0) // a sender without deadlines
			stop := make(chan struct{})
			sent := make(chan error, 1)
			go func() {
				sent <- install(sends, io.MultiReader(bytes.NewReader(make([]byte, 4<<20)), dripping{stop, trickle}))
			}()
			time.Sleep(100 * time.Millisecond) // virtual: it is in the middle now

			start := time.Now()
			for term := uint64(100); time.Since(start) < 2*time.Minute; term++ {
				if vote(asks, term) == nil {
					break
				}
			}
			forHow = time.Since(start)
			close(stop)
			if err := <-sent; err == nil {
				t.Error("half a snapshot was installed")
			}
		})
		return forHow
	}
	const most = 13 * time.Second // StallMax, and up to two votes that time out
	if took := frozen(t, 10*time.Second, 0); took > most {
		t.Errorf("the sender stalls: no vote for %v", took)
	}
	if took := frozen(t, 10*time.Second, time.Second); took > most {
		t.Errorf("the sender gives a byte a second: no vote for %v", took)
	}
	if took := frozen(t, 100*time.Hour, 0); took <= most {
		t.Errorf("without a deadline votes were answered after %v: the test shows nothing", took)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// dripping gives a byte every so often, or, with a zero interval, nothing until
// it is stopped.
type dripping struct {
	stop  chan struct{}
	every time.Duration
}

func (d dripping) Read(p []byte) (int, error) {
	var tick <-chan time.Time
	if d.every > 0 {
		tick = time.After(d.every)
	}
	select {
	case <-tick:
		p[0] = 0
		return 1, nil
	case <-d.stop:
		return 0, errors.New("stopped")
	}
}

// A receiver that no longer reads does not hold up the sender of a snapshot for
// the hours that Raft's own deadline allows for its size.
func TestStalledReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		a, f := listen(t, sim, "a"), listen(t, sim, "f")
		follower(t, transport(t, f, time.Second))
		sends := transport(t, a, 10*time.Second)
		time.AfterFunc(time.Second, func() { sim.Cut("a", "f") })
		sim.Delay("a", "f", 10*time.Millisecond)
		start := time.Now()
		if err := install(sends, zeroes{}); err == nil {
			t.Error("half a snapshot was installed")
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("the sender gave up after %v", took)
		}
	})
}

// Connections that Raft keeps in its pool may rest for hours: the next request
// goes through at once. One that broke meanwhile costs one failed request.
func TestRestingConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		b, f := listen(t, sim, "b"), listen(t, sim, "f")
		follower(t, transport(t, f, time.Second))
		asks := transport(t, b, time.Second)
		for term := uint64(2); term < 5; term++ {
			if err := vote(asks, term); err != nil {
				t.Errorf("after %d h of rest: %v", 6*(term-2), err)
			}
			time.Sleep(6 * time.Hour) // virtual
		}
		if n := sim.Connections(); n != 1 {
			t.Errorf("%d connections, want the one that is pooled", n)
		}
		sim.Break("b", "f")
		failed := 0
		for term := uint64(10); vote(asks, term) != nil; term++ {
			failed++
		}
		if failed != 1 {
			t.Errorf("%d requests failed over one broken connection", failed)
		}
	})
}

// A replica is closed and opened again while its process goes on: the port
// stays, the old connections are gone, the new ones reach the new replica.
func TestReplicaReopens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		b, f := listen(t, sim, "b"), listen(t, sim, "f")
		f.Handle(kindEcho, echo)
		asks := transport(t, b, time.Second)
		for term := uint64(2); term < 5; term++ {
			tr := transport(t, f, time.Second)
			follower(t, tr)
			failed := 0
			for vote(asks, term) != nil {
				failed++
			}
			if failed > 1 {
				t.Errorf("%d requests failed after the replica was reopened", failed)
			}
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if _, err := b.Call(t.Context(), "f", "f:7410", kindEcho, nil); err != nil {
				t.Errorf("a call while no replica runs: %v", err)
			}
		}
		_ = vote(asks, 9) // the pooled connection
		err := vote(asks, 9)
		if err == nil || !strings.Contains(err.Error(), "not running") {
			t.Errorf("Raft's connection while no replica runs: %v", err)
		}
	})
}

func TestStreamLayerOfAClosedPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := listen(t, peertest.NewSim(), "a")
		before := p.Raft()
		_ = p.Close()
		for _, s := range []*peer.Streams{before, p.Raft()} {
			if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept: %v", err)
			}
			if _, err := s.Dial("b:7410", time.Second); err == nil {
				t.Error("Dial works")
			}
		}
	})
}
