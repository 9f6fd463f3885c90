package peer

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/firndb/firn"
)

// Identity is what a node says about the store that it holds a replica of. A
// zero id means "none yet".
type Identity struct {
	Cluster firn.ID
	History firn.ID
}

// Options says how to open a port. Addr, Node and Identity must be set.
type Options struct {
	// Addr is the address to listen on; port 0 picks a free one.
	Addr string

	// Advertise is the address by which the others reach this node, and which
	// Raft knows it by. Default: the address listened on.
	Advertise string

	// Node is this node's id, 1 to 64 bytes.
	Node string

	// Identity is asked at every handshake, so that a node which learns its
	// cluster or history, or gets a new history, need not reopen the port. It
	// must return at once.
	Identity func() Identity

	// Expect gives the id of the node that should answer at an address, ""
	// where that is not known. It is asked when Raft dials, which knows only
	// addresses. Default: never known.
	Expect func(addr string) string

	// Network is how to listen and dial. Default: [TCP].
	Network Network

	// Security puts every connection into TLS before a byte of it is read, and
	// says whose it is. Default: none, and whoever reaches the port is believed.
	Security Security

	// Member reports whether a node may connect, by its id, with Security as its
	// certificate has it. Without Security it is asked only of nodes that do not
	// say which history they follow. It must return at once.
	// Default: every node may.
	Member func(node string) bool

	// HandshakeMax is the time for TLS and the handshake together. Default: 5 s.
	HandshakeMax time.Duration

	// StallMax is how long a request that has begun may keep its receiver
	// waiting for the next 64 KiB. Default: 10 s.
	StallMax time.Duration

	// ConnectionsMax bounds the connections accepted and not yet closed.
	// Default: 1024.
	ConnectionsMax int

	// Logger takes refused connections. Default: none.
	Logger *slog.Logger
}

// Security is mutual TLS between nodes. Its methods may be called by many
// goroutines at once.
type Security interface {
	// Accept and Dial give the configuration of the next handshake, on either
	// side. A handshake must fail unless the other side's certificate is that of
	// a node of the same cluster.
	Accept() *tls.Config
	Dial() *tls.Config

	// Node returns the id of the node at the other end of a connection whose
	// handshake is through.
	Node(tls.ConnectionState) (string, error)
}

// Handler answers a call. It may be run twice for one call (see the package
// comment). ctx ends when the connection or the port is closed.
type Handler func(ctx context.Context, from string, body []byte) ([]byte, error)

const (
	handshakeMaxDefault   = 5 * time.Second
	stallMaxDefault       = 10 * time.Second
	connectionsMaxDefault = 1024

	nodeBytesMax = 64
)

func (o *Options) setDefaults() error {
	switch {
	case o.Addr == "":
		return firn.Errorf(firn.ErrInvalid, "the peer port has no address to listen on")
	case o.Node == "" || len(o.Node) > nodeBytesMax:
		return firn.Errorf(firn.ErrInvalid, "node id %.80q has %d bytes, it must have 1 to %d", o.Node, len(o.Node), nodeBytesMax)
	case o.Identity == nil:
		return firn.Errorf(firn.ErrInvalid, "the peer port has no Identity to show")
	}
	if o.Expect == nil {
		o.Expect = func(string) string { return "" }
	}
	if o.Member == nil {
		o.Member = func(string) bool { return true }
	}
	if o.Network == nil {
		o.Network = TCP{}
	}
	if o.HandshakeMax == 0 {
		o.HandshakeMax = handshakeMaxDefault
	}
	if o.StallMax == 0 {
		o.StallMax = stallMaxDefault
	}
	if o.ConnectionsMax == 0 {
		o.ConnectionsMax = connectionsMaxDefault
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
