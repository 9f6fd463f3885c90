package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// Port is a node's peer port. All methods may be called by many goroutines at
// once.
type Port struct {
	// set at Listen, then read only
	opts     Options
	listener net.Listener
	ctx      context.Context // ends at Close
	cancel   context.CancelFunc

	running sync.WaitGroup // the accepting goroutine and one for each connection

	// guarded by mu
	mu       sync.Mutex
	closed   bool
	open     map[net.Conn]struct{} // accepted, Raft's included
	handlers map[uint8]Handler
	streams  *Streams // nil: no replica runs
	idle     map[string][]*idleConn
}

// Listen opens a peer port.
func Listen(opts Options) (*Port, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	listener, err := opts.Network.Listen(opts.Addr)
	if err != nil {
		return nil, firn.Errorf(firn.ErrUnavailable, "the peer port cannot listen on %s: %v", opts.Addr, err)
	}
	if opts.Advertise == "" {
		opts.Advertise = listener.Addr().String()
	}
	p := &Port{
		opts:     opts,
		listener: listener,
		open:     map[net.Conn]struct{}{},
		handlers: map[uint8]Handler{},
		idle:     map[string][]*idleConn{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns the address by which other nodes reach this one.
func (p *Port) Addr() string { return p.opts.Advertise }

// Handle sets what answers calls of a kind. A handler set later takes the
// earlier one's place.
func (p *Port) Handle(kind uint8, h Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[kind] = h
}

// Close closes the port and every connection, ends the contexts of running
// handlers, and waits until they have returned.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	streams := p.streams
	for conn := range p.open {
		_ = conn.Close()
	}
	for _, conns := range p.idle {
		for _, c := range conns {
			c.expire.Stop()
			_ = c.Close()
		}
	}
	p.idle = nil
	p.mu.Unlock()
	p.cancel()
	err := p.listener.Close()
	if streams != nil {
		_ = streams.Close()
	}
	p.running.Wait()
	return err
}

// accept takes connections until the port is closed. An error of the listener
// (too many open files) is waited out.
func (p *Port) accept() {
	const pause = 50 * time.Millisecond
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			if p.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			p.opts.Logger.Error("the peer port cannot accept a connection", "error", err)
			select {
			case <-time.After(pause):
			case <-p.ctx.Done():
				return
			}
			continue
		}
		if !p.admit(conn) {
			_ = conn.Close()
			continue
		}
		p.running.Go(func() { p.serve(conn) })
	}
}

// admit counts a connection in, unless there are too many.
func (p *Port) admit(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if len(p.open) >= p.opts.ConnectionsMax {
		p.opts.Logger.Warn("the peer port refuses a connection: there are too many", "from", conn.RemoteAddr(), "limit", p.opts.ConnectionsMax)
		return false
	}
	p.open[conn] = struct{}{}
	return true
}

// dismiss closes an accepted connection and counts it out.
func (p *Port) dismiss(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

// serve does the handshake on an accepted connection and then what it is for.
func (p *Port) serve(raw net.Conn) {
	conn, h, err := p.greet(raw)
	if err != nil {
		level := slog.LevelWarn
		if p.ctx.Err() != nil {
			level = slog.LevelDebug
		}
		p.opts.Logger.Log(p.ctx, level, "the peer port refused a connection", "from", raw.RemoteAddr(), "node", h.from, "error", err)
		p.dismiss(raw)
		return
	}
	if h.purpose == purposeRaft {
		if streams := p.current(); streams == nil || !streams.hand(raw, conn) {
			p.dismiss(raw)
		}
		return
	}
	defer p.dismiss(raw)
	p.answer(conn, h.from)
}

// current returns the stream layer that takes Raft's connections, nil if there
// is none.
func (p *Port) current() *Streams {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.streams
}
