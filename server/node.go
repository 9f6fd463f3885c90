package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/plainlog"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/server/internal/certs"
	"github.com/firndb/firn/server/internal/security"
	"github.com/firndb/firn/server/internal/service"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/web"
	"github.com/firndb/firn/server/wire"
)

// Node is one running node.
type Node struct {
	// Set by start, then read only.
	config  Config
	around  Surroundings
	dir     *dataDir
	log     *slog.Logger
	metrics *web.Metrics
	service *service.Service
	secure  *certs.Certificates // nil: no TLS
	peer    *peer.Port
	door    *tcp.Server // nil: embedded
	http    *web.Door   // nil: no HTTP
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup // joining, restarting, scrubbing, serving HTTP
	failed  chan struct{}  // closed once the node cannot go on
	written atomic.Uint64  // bytes that went to the disk, in whole pages

	// Guarded by mu, which is not held while a replica is opened or closed.
	mu      sync.Mutex
	replica *replica // nil while there is none
	closing bool
	failure error
	damage  error // what of its data was found damaged
}

// Start starts a node. It returns once the ports are open and what lies in the
// data directory is loaded; the cluster may not have a leader yet.
//
// Errors: [firn.ErrInvalid] names everything that is wrong with the
// configuration; [firn.ErrUnavailable] says that the directory or an address is
// in use; [firn.ErrDamaged] and [firn.ErrUnsupported] speak of what lies in the
// directory.
func Start(c Config) (*Node, error) { return StartIn(c, Surroundings{}) }

// start brings up a node without doors for clients.
func start(c Config, s Surroundings) (n *Node, err error) {
	c.Logger = plainlog.Logger(c.Logger)
	n = &Node{config: c, around: s, log: c.Logger.With("node", c.ID), failed: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.metrics = web.NewMetrics(n.figures)
	n.service = service.New(service.Options{
		EventBytesMax: c.Limits.EventBytes, AppendBytesMax: c.Limits.AppendBytes, AppendEventsMax: c.Limits.AppendEvents,
		Appended: n.metrics.Appended, Refused: n.metrics.Refused, Now: s.Now, Logger: n.log, Scavenge: service.Schedule(c.Scavenge),
		Access: c.access(),
	})
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	var fresh bool
	if n.dir, fresh, err = openDir(writtenFS{s.FS, &n.written}, c.Dir, c.ID); err != nil {
		return n, err
	}
	if n.dir.rewritten != "" {
		n.log.Error("damage found and repaired", "file", n.dir.sub(n.dir.rewritten))
	}
	if err := n.origin(fresh); err != nil {
		return n, err
	}
	if n.config.DiskReserve == 0 {
		_, total := n.dir.space()
		n.config.DiskReserve = max(512<<20, total/50)
	}
	if err := n.openCertificates(); err != nil {
		return n, err
	}
	n.peer, err = peer.Listen(n.peerOptions())
	if err != nil {
		return n, err
	}
	r, err := n.openReplica()
	if err != nil {
		return n, err
	}
	n.use(r)
	alone := len(r.raft.Status().Nodes) == 0
	if alone && c.Join == "" { // an earlier start has failed between its first step and its last
		return n, n.errNoOrigin()
	}
	if err := n.dir.takeBallast(n.config.DiskReserve); err != nil {
		n.log.Warn("the ballast could not be written", "error", err)
	}
	if alone {
		n.running.Go(n.join)
	}
	if c.Scrub.Rate > 0 {
		n.running.Go(n.scrub)
	}
	return n, nil
}

// origin decides how the directory comes to its data.
func (n *Node) origin(fresh bool) error {
	c := &n.config
	if !fresh {
		if len(c.Bootstrap) > 0 || c.Join != "" {
			n.log.Info("the directory has data; --bootstrap and --join are not needed any more", "dir", c.Dir)
		}
		if c.Replica && !n.dir.replica {
			n.log.Warn("--replica is ignored: this directory is of a node that has a vote, or gets one; a read replica joins with an empty one", "dir", c.Dir)
		}
		return nil
	}
	if _, restored, err := n.dir.restored(); err != nil {
		return err
	} else if restored && len(c.Bootstrap) != 1 {
		return firn.Errorf(firn.ErrInvalid, "the data directory %s holds a restored store, which begins a cluster by itself: start it with --bootstrap %s=%s, and have other nodes --join it with empty directories",
			c.Dir, c.ID, c.Advertise.Peer)
	}
	if len(c.Bootstrap) == 0 && c.Join == "" {
		return n.errNoOrigin()
	}
	return n.dir.claim(c.ID, c.Replica)
}

func (n *Node) errNoOrigin() error {
	c := &n.config
	return firn.Errorf(firn.ErrInvalid, "the data directory %s has no data yet, and nothing says where it comes from; begin a cluster with --bootstrap %s=%s (for several first nodes, the same list of id=peer-address on each), or join one with --join host:port, the client address of any of its nodes",
		c.Dir, c.ID, c.Advertise.Peer)
}

func (n *Node) bootstrap() []replication.Server {
	var first []replication.Server
	for _, m := range n.config.Bootstrap {
		first = append(first, replication.Server{ID: m.ID, Peer: m.Peer})
	}
	return first
}

// openDoors opens the ports for clients.
func (n *Node) openDoors() error {
	c := &n.config
	if access, err := n.service.Asked(); err == nil {
		n.log.Info("access: " + access.Words())
	}
	l, err := n.around.Clients.Listen(c.Listen.Client)
	if err != nil {
		return firn.Errorf(firn.ErrUnavailable, "the client address %s cannot be listened on: %v", c.Listen.Client, err)
	}
	n.door, err = tcp.Serve(l, backend{n.service.Guard(), n}, tcp.Options{
		Limits:         c.Limits.wire(),
		MaxConnections: c.MaxConnections, Logger: n.log,
		TLS: n.clientTLS(wire.ALPN),
	})
	if err != nil {
		l.Close()
		return err
	}
	if c.Listen.HTTP == "" {
		return nil
	}
	h, err := net.Listen("tcp", c.Listen.HTTP)
	if err != nil {
		return firn.Errorf(firn.ErrUnavailable, "the HTTP address %s cannot be listened on: %v", c.Listen.HTTP, err)
	}
	n.http = web.New(webBackend{n.service.Guard(), n}, n.metrics, web.Options{
		BodyBytes: c.Limits.FrameBytes, EventBytes: c.Limits.EventBytes, AppendEvents: c.Limits.AppendEvents, Logger: n.log,
		TLS: n.clientTLS("http/1.1"),
	})
	n.running.Go(func() {
		if err := n.http.Serve(h); err != nil {
			n.fail(err)
		}
	})
	return nil
}

// Ready returns once linearizable calls can be answered on this node, or says
// why not.
func (n *Node) Ready(ctx context.Context) error {
	_, _, err := n.service.Head(ctx, firn.Consistency{})
	return err
}

// Store is what a node offers to callers in its process.
type Store interface {
	firn.Store
	firn.Snapshots
	firn.Groups
	firn.Definitions
	firn.History
	firn.Dated
}

// Store returns the node's store for callers in this process. Their events
// carry no actor.
func (n *Node) Store() Store { return n.service.Store("") }

// Open reports whether everybody who reaches the node's ports may do everything,
// because there are no users, as far as the node knows.
func (n *Node) Open() bool {
	access, err := n.service.Asked()
	return err == nil && access == security.Open
}

// Failed is closed when the node cannot go on; Err then says why.
func (n *Node) Failed() <-chan struct{} { return n.failed }

// Err says why the node cannot go on, or nil.
func (n *Node) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failure
}

// fail records the first reason why the node cannot go on. What is applied can
// still be read locally; whether the process ends is its owner's decision.
func (n *Node) fail(err error) {
	n.mu.Lock()
	first := n.failure == nil && !n.closing
	if first {
		n.failure = err
		close(n.failed)
	}
	n.mu.Unlock()
	if !first {
		return
	}
	n.log.Error("this node cannot go on", "error", err)
	if n.config.OnFatal != nil {
		n.config.OnFatal(err)
	}
}

// use makes r the replica that answers; nil takes it away. It returns the one
// before.
func (n *Node) use(r *replica) (before *replica) {
	n.mu.Lock()
	before, n.replica = n.replica, r
	n.mu.Unlock()
	if r == nil {
		n.service.Use(nil)
	} else {
		n.service.Use(r.service())
	}
	return before
}

func (n *Node) current() (*replica, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.replica == nil {
		return nil, firn.Errorf(firn.ErrUnavailable, "node %s is starting, stopping or being set up from an image; try again, or ask another node", n.config.ID)
	}
	return n.replica, nil
}

// restart closes the replica and opens it again, because an image was received.
func (n *Node) restart(reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closing {
		return
	}
	n.running.Go(func() {
		n.log.Info("the replica is closed and opened again", "reason", reason)
		if r := n.use(nil); r != nil {
			if err := r.close(); err != nil {
				n.log.Warn("closing the replica", "error", err)
			}
		}
		r, err := n.openReplica()
		if err != nil {
			n.fail(err)
			return
		}
		n.use(r)
	})
}
