package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// Server is an open door.
type Server struct {
	// Set at Serve, then read only.
	backend  Backend
	o        Options
	listener net.Listener
	ctx      context.Context // ends when the door is shut for good
	cancel   context.CancelFunc
	stopping context.Context // ends when the door begins to close: for calls that have no end of their own
	stop     context.CancelFunc
	done     sync.WaitGroup // of the goroutines that accept, read and look after clocks

	workers workers
	bytes   budget // of requests in flight
	sending budget // of answers that are being made, or wait to be written

	reliefIn, reliefOut relief

	calls   atomic.Int64 // in flight
	closing atomic.Bool
	quiet   chan struct{} // signals that calls came down to 0 while closing

	mu    sync.Mutex
	conns map[*conn]struct{} // also those that are still in the handshake
}

// Serve opens a door on the listener, which it closes in the end, and returns
// at once.
func Serve(l net.Listener, b Backend, o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("tcp door: %w", err)
	}
	s := &Server{
		backend: b, o: o, listener: l,
		quiet: make(chan struct{}, 1), conns: make(map[*conn]struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.stopping, s.stop = context.WithCancel(s.ctx)
	s.bytes.max, s.sending.max = o.MaxBytesInFlight, o.MaxBytesSending
	s.workers.init(s.ctx)
	s.done.Add(2)
	go s.accept()
	go s.lookAfter()
	return s, nil
}

// Addr returns the listener's address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Connections returns how many connections are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Calls returns how many calls are being worked on.
func (s *Server) Calls() int { return int(s.calls.Load()) }

// BytesInFlight returns the memory of the requests being worked on.
func (s *Server) BytesInFlight() int64 { return s.bytes.used.Load() }

// BytesSending returns the memory of answers that clients have not taken yet.
func (s *Server) BytesSending() int64 { return s.sending.used.Load() }

func (s *Server) accept() {
	defer s.done.Done()
	pause := time.Duration(0)
	for {
		nc, err := s.listener.Accept()
		if err == nil {
			pause = 0
			s.admit(nc)
			continue
		}
		if s.closing.Load() || errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of file descriptors, most likely: those who are in go on, and
		// the next one is let in when somebody has left.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.o.Logger.Error("cannot accept a connection", "error", err, "retry_in", pause)
		select {
		case <-time.After(pause):
		case <-s.ctx.Done():
			return
		}
	}
}

// admit starts a connection, or refuses it where there are too many.
func (s *Server) admit(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	over := len(s.conns) >= s.o.MaxConnections
	if !over {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		if over {
			c.refuse(firn.Errorf(firn.ErrBusy, "this node has %d connections, which is its limit; use another node, or raise its limit of connections", s.o.MaxConnections))
			c.close()
			return
		}
		defer s.forget(c)
		c.serve()
	}()
}

func (s *Server) forget(c *conn) {
	c.close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

func (s *Server) snapshot() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// begin counts a call in, unless the door is closing.
func (s *Server) begin() bool {
	s.calls.Add(1)
	if s.closing.Load() {
		s.end()
		return false
	}
	return true
}

func (s *Server) end() {
	if s.calls.Add(-1) == 0 && s.closing.Load() {
		select {
		case s.quiet <- struct{}{}:
		default:
		}
	}
}

// Close lets nobody in any more, tells the clients, ends the calls that have no
// end of their own, finishes the others in flight as long as ctx allows, apart
// from those that wait for their client to grant credit, and closes the
// connections. The error is ctx's, where calls had to be cut off.
func (s *Server) Close(ctx context.Context) error {
	if s.closing.Swap(true) {
		s.done.Wait()
		return nil
	}
	s.listener.Close()
	s.sayGoodbye(ctx)
	s.stop()
	var err error
	for err == nil && s.calls.Load() > 0 {
		select {
		case <-s.quiet:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	for _, c := range s.snapshot() {
		if err == nil {
			err = ignoreLost(ctx, c.out.Flush(ctx))
		}
		c.close()
	}
	s.cancel()
	s.done.Wait()
	return err
}

// goodbyeTime bounds how long those are waited for who do not read.
const goodbyeTime = 100 * time.Millisecond

func (s *Server) sayGoodbye(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, goodbyeTime)
	defer cancel()
	for _, c := range s.snapshot() {
		if c.ready.Load() {
			c.out.Send(ctx, wire.FrameOf(0, &wire.Plain{Is: wire.KindGoodbye}))
		}
	}
}

// ignoreLost leaves of err only what ctx says: a client that went away is no
// fault of the closing.
func ignoreLost(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return ctx.Err()
}
