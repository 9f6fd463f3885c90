package replication_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/replication/peer/peertest"
	"github.com/firndb/firn/replication/raftlog"
	"github.com/firndb/firn/replication/replicationtest"
)

// cluster is some nodes on one simulated network, for a test in a bubble.
type cluster struct {
	t     *testing.T
	sim   *peertest.Sim
	seats map[string]*seat
	names []string
	newFS func() *vfs.MemFS // one that can crash copies what it syncs
}

// seat is one node with everything it stands on. Its disks outlive it.
type seat struct {
	c      *cluster
	id     string
	fs     *vfs.MemFS
	disk   *replicationtest.Disk
	adjust func(*replication.Options)
	rules  replication.Rules

	// turn is held while the node is opened or closed. It is a channel: in a
	// bubble, time stands still for whoever waits for a mutex.
	turn chan struct{}

	// guarded by mu
	mu       sync.Mutex
	log      *raftlog.Log
	port     *peer.Port
	machine  *replicationtest.Machine
	node     *replication.Node
	fatal    error
	restarts int
	open     bool

	ahead    atomic.Int64 // added to its clock, ns
	diskFree atomic.Uint64
}

func newCluster(t *testing.T, names ...string) *cluster {
	c := &cluster{t: t, sim: peertest.NewSim(), seats: map[string]*seat{}, newFS: vfs.NewMem}
	for _, name := range names {
		c.add(name)
	}
	t.Cleanup(c.stop)
	return c
}

func (c *cluster) add(name string) *seat {
	s := &seat{c: c, id: name, turn: make(chan struct{}, 1)}
	s.wipe()
	s.diskFree.Store(100 << 30)
	c.seats[name] = s
	c.names = append(c.names, name)
	return s
}

// wipe gives the seat empty disks.
func (s *seat) wipe() {
	s.fs, s.disk = s.c.newFS(), new(replicationtest.Disk)
}

// start opens all nodes as the first members of a cluster.
func (c *cluster) start() *cluster {
	c.t.Helper()
	for _, name := range c.names {
		c.seats[name].start(c.first())
	}
	return c
}

// first is what all nodes are bootstrapped with.
func (c *cluster) first() (list []replication.Server) {
	for _, name := range c.names {
		list = append(list, replication.Server{ID: name, Peer: name + ":7410"})
	}
	return list
}

// stranger is Raft's transport on a host of its own, which speaks in the name
// of a node.
func (c *cluster) stranger(node string) (t *raft.NetworkTransport, stop func()) {
	c.t.Helper()
	port, err := peer.Listen(peer.Options{
		Addr: "stranger:7410", Advertise: node + ":7410", Node: node, Network: c.sim.Host("stranger"),
		Identity: func() peer.Identity { return peer.Identity{} },
	})
	if err != nil {
		c.t.Fatal(err)
	}
	t = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{Stream: port.Raft(), MaxPool: 1, MaxRPCsInFlight: 1, Timeout: time.Second, Logger: hclog.NewNullLogger()})
	return t, func() {
		_ = t.Close()
		_ = port.Close()
	}
}

func (s *seat) start(bootstrap []replication.Server) {
	s.c.t.Helper()
	if err := s.tryStart(bootstrap); err != nil {
		s.c.t.Fatalf("open node %s: %v", s.id, err)
	}
}

func (s *seat) tryStart(bootstrap []replication.Server) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	fatal := func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fatal = err
	}
	log, err := raftlog.Open("raft", raftlog.Options{FS: s.fs, OnFatal: fatal, MemTableBytes: 256 << 10})
	if err != nil {
		return err
	}
	machine := replicationtest.Open(s.disk)
	port, err := peer.Listen(peer.Options{
		Addr: s.id + ":7410", Node: s.id, Network: s.c.sim.Host(s.id),
		Identity: func() peer.Identity {
			cluster, history := machine.Identity()
			return peer.Identity{Cluster: cluster, History: history}
		},
	})
	if err != nil {
		return err
	}
	o := replication.Options{
		ID: s.id, Log: log, Port: port, Machine: machine, Bootstrap: bootstrap,
		Self: replication.Self{Client: s.id + ":7400", HTTP: s.id + ":7420", Version: "test",
			DiskFree: func() (uint64, error) { return s.diskFree.Load(), nil }, DiskReserve: 1 << 30},
		OnFatal:   fatal,
		OnRestart: func(string) { s.reopen() },
		Now:       func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	}
	if os.Getenv("FIRN_TEST_LOG") != "" {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("on", s.id)
	}
	if s.adjust != nil {
		s.adjust(&o)
	}
	node, err := replication.OpenWith(o, s.rules)
	if err != nil {
		return errors.Join(err, port.Close(), log.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.port, s.machine, s.node, s.open = log, port, machine, node, true
	return nil
}

// stop closes a node; hard: as a crash, what is not durable is lost.
func (s *seat) stop(hard bool) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	node, machine, port, log, open := s.node, s.machine, s.port, s.log, s.open
	s.open = false
	s.mu.Unlock()
	if !open {
		return
	}
	stop := node.Close
	if hard {
		stop = node.CloseHard
	}
	if err := stop(); err != nil {
		s.c.t.Logf("close node %s: %v", s.id, err)
	}
	if !hard {
		_, _, _ = machine.Flush()
	}
	if err := port.Close(); err != nil {
		s.c.t.Logf("close the port of %s: %v", s.id, err)
	}
	if err := log.Close(); err != nil {
		s.c.t.Logf("close the log of %s: %v", s.id, err)
	}
}

// crash stops a node as a power cut does: what its disks have not synced may be
// lost. It stays cut off until the network is healed.
func (s *seat) crash(random *rand.Rand) {
	s.c.sim.Part(s.id, without(s.c.names, s.id)...)
	left := s.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
	s.stop(true)
	s.fs = left
}

func (s *seat) reopen() {
	s.stop(false)
	s.mu.Lock()
	s.restarts++
	s.mu.Unlock()
	if err := s.tryStart(nil); err != nil {
		s.c.t.Errorf("open node %s again: %v", s.id, err)
	}
}

func (s *seat) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}

func (s *seat) now() (*replication.Node, *replicationtest.Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node, s.machine
}

func (c *cluster) stop() {
	var all sync.WaitGroup
	for _, s := range c.seats {
		all.Go(func() { s.stop(true) })
	}
	all.Wait()
}

// await waits until something is so, looking every millisecond; a bubble's
// time costs nothing.
func (c *cluster) await(what string, limit time.Duration, so func() bool) time.Duration {
	c.t.Helper()
	start := time.Now()
	for !so() {
		if time.Since(start) > limit {
			c.t.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(start)
}

// leader waits for a leader among the nodes named, or all.
func (c *cluster) leader(among ...string) *seat {
	c.t.Helper()
	if len(among) == 0 {
		among = c.names
	}
	var found *seat
	c.await("a leader", 30*time.Second, func() bool {
		for _, name := range among {
			s := c.seats[name]
			if node, _ := s.now(); s.running() && node.Raft().State() == raft.Leader && s.failure() == nil {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

func (s *seat) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// propose proposes a text at one node.
func (s *seat) propose(text string, size int) error {
	node, _ := s.now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	result, err := node.Propose(ctx, replicationtest.Item(text, size))
	if err == nil && result.Err != nil {
		err = result.Err
	}
	return err
}

// write proposes a text wherever it is taken.
func (c *cluster) write(text string, among ...string) *seat {
	c.t.Helper()
	for range 200 {
		l := c.leader(among...)
		err := l.propose(text, 10)
		if err == nil {
			return l
		}
		var known *firn.Error
		if !errors.As(err, &known) || known.Retry() != firn.RetrySafe {
			c.t.Fatalf("write %q at %s: %v", text, l.id, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatalf("write %q: nobody took it", text)
	return nil
}

// agree waits until the nodes have applied the same, and it holds these texts in
// this order.
func (c *cluster) agree(texts []string, among ...string) {
	c.t.Helper()
	if len(among) == 0 {
		among = c.names
	}
	for _, name := range among {
		s := c.seats[name]
		c.await(fmt.Sprintf("%s has %d texts", name, len(texts)), 30*time.Second, func() bool {
			_, m := s.now()
			return slices.Equal(m.Texts(), texts)
		})
	}
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}
