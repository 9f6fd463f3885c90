package peer

import (
	"context"
	"net"
)

// Network is how nodes reach each other. Tests put a simulated one in its
// place (package peertest).
type Network interface {
	Listen(addr string) (net.Listener, error)
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// TCP is the machine's network. Keep-alive is on (Go's default), so that a
// connection whose other end has vanished does not stay for ever.
type TCP struct{}

// Listen listens on a TCP address.
func (TCP) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

// Dial connects to a TCP address.
func (TCP) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}
