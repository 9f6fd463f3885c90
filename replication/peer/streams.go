package peer

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
)

// Streams is the raft.StreamLayer of one replica on a port.
type Streams struct {
	port     *Port
	incoming chan net.Conn
	ctx      context.Context // ends at Close
	cancel   context.CancelFunc

	// guarded by mu
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

var _ raft.StreamLayer = (*Streams)(nil)

// Raft returns a new stream layer, which from now on gets Raft's connections. A
// stream layer given out before is closed.
func (p *Port) Raft() *Streams {
	s := &Streams{port: p, incoming: make(chan net.Conn), open: map[net.Conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(p.ctx)
	p.mu.Lock()
	before := p.streams
	p.streams = s
	p.mu.Unlock()
	if before != nil {
		_ = before.Close()
	}
	return s
}

// Accept returns the next connection of another node's Raft.
func (s *Streams) Accept() (net.Conn, error) {
	select {
	case conn := <-s.incoming:
		return conn, nil
	case <-s.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Addr returns the address by which Raft knows this node.
func (s *Streams) Addr() net.Addr { return address(s.port.Addr()) }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// Dial connects to another node's Raft.
func (s *Streams) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx := s.ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	conn, err := s.port.dial(ctx, s.port.opts.Expect(string(to)), string(to), purposeRaft)
	if err != nil {
		return nil, err
	}
	out := &outgoing{Conn: conn, stallMax: s.port.opts.StallMax}
	out.closed = func() { s.untrack(out) }
	if !s.track(out) {
		_ = conn.Close()
		return nil, firn.Errorf(firn.ErrUnavailable, "the replica of node %s is being closed", s.port.opts.Node)
	}
	return out, nil
}

// hand gives an accepted connection to Raft; false: there is no Raft any more.
func (s *Streams) hand(raw, conn net.Conn) bool {
	in := &incoming{Conn: conn, stallMax: s.port.opts.StallMax, resting: true}
	in.closed = func() {
		s.untrack(in)
		s.port.dismiss(raw)
	}
	if !s.track(in) {
		return false
	}
	select {
	case s.incoming <- in:
	case <-s.ctx.Done():
		_ = in.Close()
	}
	return true
}

// track keeps a connection to be closed with the stream layer, unless that is
// closed already.
func (s *Streams) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.open[conn] = struct{}{}
	return true
}

func (s *Streams) untrack(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

// Close ends Accept and closes all of Raft's connections, dialled and accepted:
// the transport leaves them open when it is closed. The port stays open.
func (s *Streams) Close() error {
	s.mu.Lock()
	s.cancel()
	conns := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
	}
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if s.port.streams == s {
		s.port.streams = nil
	}
	return nil
}
