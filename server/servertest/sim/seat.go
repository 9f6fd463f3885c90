package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/server"
)

// seat is where one node runs, life after life. Its disk outlives it.
type seat struct {
	c     *cluster
	id    string
	first bool // one of the cluster's first nodes

	// turn is held while a life begins or ends. It is a channel: in a bubble,
	// time stands still for whoever waits for a mutex.
	turn chan struct{}

	disk  *disk // owned by who has turn
	over  bool  // the same; there are no further lives
	now   atomic.Pointer[life]
	ahead atomic.Int64 // of its clock, ns
	write gate         // what writes to its log
	apply gate

	excused atomic.Int64 // until when (in ns of the run) the node may give up: it was hurt so
}

// life is a node from its start to its end.
type life struct {
	node   *server.Node
	ctx    context.Context // ends when the node is gone for its callers
	cancel context.CancelFunc
}

// gate holds those who come while it is closed, and slows down others.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // nil: open
	slow   atomic.Int64  // what it takes longer, ns
	met    atomic.Int64  // how many it has held or slowed down
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		g.opened = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

func (g *gate) pass() {
	if d := time.Duration(g.slow.Load()); d > 0 {
		g.met.Add(1)
		time.Sleep(d)
	}
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	if opened != nil {
		g.met.Add(1)
		<-opened
	}
}

func (s *seat) address() string { return s.id + ":7400" }

// start begins a life. An error is a fault of the store's, unless the disk was
// made to fail.
func (s *seat) start() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.over || s.now.Load() != nil {
		return nil
	}
	l := new(life)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	host := s.c.net.Host(s.id)
	config := server.Config{
		ID: s.id, Dir: dataDir, Insecure: true,
		Listen:     server.Addresses{Client: s.address(), Peer: s.id + ":7410"},
		CacheBytes: 8 << 20, DiskReserve: diskReserve, DiskFree: s.disk.free,
		Heartbeat: s.c.heartbeat, RaftLog: s.c.raftLog,
		Scavenge: server.Scavenge{Off: true}, // the checker looks at everything
		Logger:   slog.New(logTo{trace: &s.c.trace, node: s.id}),
		OnFatal:  func(err error) { go s.failed(l, err) },
	}
	if s.first {
		config.Bootstrap = s.c.bootstrap
	} else {
		config.Join = s.c.nodes()[0].address()
	}
	node, err := server.StartIn(config, server.Surroundings{
		FS: s.disk, Peers: host, Clients: host, Store: engine.Settings{LayerEvents: s.c.layerEvents}, LogTable: 64 << 10,
		Now:         func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		BeforeWrite: s.write.pass, BeforeApply: s.apply.pass,
	})
	if err != nil {
		l.cancel()
		return fmt.Errorf("node %s does not start: %w", s.id, err)
	}
	l.node = node
	s.now.Store(l)
	select {
	case <-node.Failed(): // before anybody knew that it lives
		go s.failed(l, node.Err())
	default:
	}
	return nil
}

// unharm takes back what was done to the node.
func (s *seat) unharm() {
	s.write.slow.Store(0)
	s.apply.slow.Store(0)
	s.write.open()
	s.apply.open()
	s.ahead.Store(0)
	s.disk.left.Store(diskBytes)
	s.disk.full.Store(false)
}

// stop ends a life cleanly. It was the last one, whoever is about to begin
// another.
func (s *seat) stop() {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.over = true
	l := s.now.Load()
	if l == nil {
		return
	}
	if err := l.node.Close(); err != nil {
		s.c.trace.add("%s closed: %v", s.id, err)
	}
	s.now.Store(nil)
	l.cancel()
}

// crash ends a life as a power cut does. First its callers and the network lose
// it, so that nothing it does from then on is seen; then the disk keeps what was
// synced, and so many percent of the rest.
func (s *seat) crash(kept int, random *rand.Rand) bool {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	l := s.now.Load()
	if l == nil {
		return false
	}
	s.now.Store(nil)
	l.cancel()
	s.c.net.Crash(s.id)
	before := s.disk
	s.disk = before.crash(kept, random)
	s.unharm()
	s.c.closing.Go(func() { _ = l.node.Close() }) // what it still writes goes to the lost disk
	return true
}

// failed ends the life of a node that says that it cannot go on, as its
// operating system would, and begins another.
func (s *seat) failed(l *life, err error) {
	s.c.trace.add("%s has failed: %v", s.id, err)
	excused := time.Since(s.c.trace.began) < time.Duration(s.excused.Load()) || strings.Contains(err.Error(), cutShort)
	if !excused {
		s.c.fault(Node, "%s has failed, and nothing was done to it: %v", s.id, err)
	}
	if s.now.Load() != l || s.c.over.Err() != nil {
		return
	}
	s.c.closing.Go(func() {
		if s.crash(100, rand.New(rand.NewPCG(1, 1))) {
			s.c.wait(time.Second)
			s.again()
		}
	})
}

// cutShort is what a leader says that ends because a transfer of its leadership,
// which it may have begun by itself, was cut short by something else: the library
// would refuse for ever (see package replication).
const cutShort = "because a transfer of leadership did not end"

// again starts a node whose life has ended.
func (s *seat) again() {
	for s.c.over.Err() == nil {
		err := s.start()
		if err == nil {
			return
		}
		s.c.trace.add("%v", err)
		if time.Since(s.c.trace.began) > time.Duration(s.excused.Load()) {
			s.c.fault(Node, "%v", err)
			return
		}
		s.c.wait(time.Second)
	}
}

// excuse lets the node give up from now on for so long.
func (s *seat) excuse(d time.Duration) {
	until := int64(time.Since(s.c.trace.began) + d)
	for before := s.excused.Load(); until > before && !s.excused.CompareAndSwap(before, until); {
		before = s.excused.Load()
	}
}

var (
	errDown = firn.Errorf(firn.ErrUnavailable, "the node is down; nothing was done")
	errGone = firn.Errorf(firn.ErrUnknown, "the node went down while the call was under way")
)

// call makes a call at the node's own store. What the node says after it has
// crashed, nobody hears.
func (s *seat) call(ctx context.Context, do func(context.Context, server.Store) error) error {
	l := s.now.Load()
	if l == nil {
		return errDown
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(l.ctx, cancel)
	defer stop()
	err := do(ctx, l.node.Store())
	if l.ctx.Err() != nil {
		return errGone
	}
	return tooLong(err)
}

// tooLong gives a context's own error a kind.
func tooLong(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return firn.Errorf(firn.ErrTimeout, "the caller's time ran out, and nothing was done: %v", err)
	}
	return err
}
