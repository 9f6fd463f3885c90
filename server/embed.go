package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

// EmbedOptions configure [Embed]. Zero means the default.
type EmbedOptions struct {
	CacheBytes int64        // default 256 MiB
	Logger     *slog.Logger // default: nothing is logged
	OnFatal    func(error)  // the store cannot go on (a disk error); default: Embedded.Failed and nothing else

	fs vfs.FS // tests: where the files are
}

// Embedded is a node without doors, in the caller's process.
type Embedded struct {
	Store
	node *Node
}

// embeddedID is the only member of an embedded node's cluster.
const embeddedID = "embedded"

// electionTimeout bounds how long a cluster of one may take to elect itself.
const electionTimeout = 10 * time.Second

// Embed opens the store in a directory, which is made where it does not exist,
// and returns once it answers. What an append has returned for is synced to
// disk, as with any other node.
//
// Errors are those of [Start].
func Embed(dir string, o EmbedOptions) (*Embedded, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := Config{
		ID: embeddedID, Dir: dir, Bootstrap: []Member{{embeddedID, embeddedID}},
		Listen: Addresses{Peer: embeddedID}, Advertise: Addresses{Peer: embeddedID},
		CacheBytes: o.CacheBytes, Logger: o.Logger, OnFatal: o.OnFatal,
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = cacheBytesDefault
	}
	n, err := start(c, Surroundings{FS: o.fs, Peers: nowhere{}}.orMachine(&c))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), electionTimeout)
	defer cancel()
	if err := n.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return &Embedded{n.Store(), n}, nil
}

// Close flushes and closes the store.
func (e *Embedded) Close() error { return e.node.Close() }

// Failed is closed when the store cannot go on; Err then says why.
func (e *Embedded) Failed() <-chan struct{} { return e.node.Failed() }

// Err says why the store cannot go on, or nil.
func (e *Embedded) Err() error { return e.node.Err() }

// nowhere is the network of a node that has no others.
type nowhere struct{}

func (nowhere) Listen(address string) (net.Listener, error) {
	return &silence{closed: make(chan struct{}), address: address}, nil
}

func (nowhere) Dial(context.Context, string) (net.Conn, error) {
	return nil, firn.Errorf(firn.ErrUnavailable, "an embedded node has no network")
}

// silence is a listener that nobody reaches.
type silence struct {
	closed  chan struct{}
	address string
}

func (s *silence) Accept() (net.Conn, error) {
	<-s.closed
	return nil, net.ErrClosed
}

func (s *silence) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func (s *silence) Addr() net.Addr  { return s }
func (s *silence) Network() string { return "none" }
func (s *silence) String() string  { return s.address }
