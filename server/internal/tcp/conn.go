package tcp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// conn is one client's connection.
type conn struct {
	// Set when accepted or at the handshake, then read only.
	server *Server
	nc     net.Conn
	ctx    context.Context // ends with the connection; behind the handshake it says who calls
	cancel context.CancelFunc
	out    *wire.Sender
	limits wire.Limits

	in *bufio.Reader // the reading goroutine's

	batches chan struct{} // holds one for each batch of events in memory that is not queued yet

	ready   atomic.Bool  // the handshake is over
	heard   atomic.Int64 // when the last frame came, in Unix nanoseconds
	began   atomic.Int64 // when the frame that is arriving began; 0: none is
	allowed atomic.Int64 // how much longer than FrameTimeout it may take, in nanoseconds
	holds   atomic.Int64 // bytes taken for the frame that is arriving
	running atomic.Int32 // calls in flight
	unsent  atomic.Int32 // calls that are over and whose answer is not queued yet

	mu    sync.Mutex
	calls map[uint64]*call // those that can be cancelled or take credit
}

// readBytes is the buffer that an idle connection keeps. Longer bodies are read
// past it.
const readBytes = 4 << 10

func newConn(s *Server, nc net.Conn) *conn {
	if s.o.TLS != nil {
		nc = tls.Server(nc, s.o.TLS)
	}
	c := &conn{server: s, nc: nc, out: wire.NewCountingSender(nc, &s.sending.used), limits: s.o.Limits, batches: make(chan struct{}, batchesMax)}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.heard.Store(time.Now().UnixNano())
	return c
}

// serve reads until the connection ends.
func (c *conn) serve() {
	state, err := c.secure()
	if err != nil {
		return
	}
	if err := c.handshake(state); err != nil {
		c.end("handshake", err)
		return
	}
	c.end("connection", c.read())
}

// end says goodbye to a peer that can still hear it: err is told where it is an
// *firn.Error, and is otherwise the connection's own end.
func (c *conn) end(where string, err error) {
	var refusal *firn.Error
	if errors.As(err, &refusal) {
		level := slog.LevelWarn
		if refusal.Kind == firn.ErrUnauthenticated {
			level = slog.LevelDebug // the backend logs refusals, no more often than is good
		}
		c.server.o.Logger.Log(c.ctx, level, "closing a connection", "remote", c.nc.RemoteAddr(), "at", where, "error", err)
		c.refuse(refusal)
		return
	}
	if err != nil && !errors.Is(err, io.EOF) && c.ctx.Err() == nil {
		c.server.o.Logger.Debug("a connection broke", "remote", c.nc.RemoteAddr(), "at", where, "error", err)
	}
}

// lingerTime and lingerBytes bound how long a refused peer is listened to.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// refuse sends an error on call 0. Then it reads on for a moment: closing a
// socket that has unread bytes resets it, and the peer would lose the error.
func (c *conn) refuse(err *firn.Error) {
	c.nc.SetDeadline(time.Now().Add(lingerTime))
	ctx, cancel := context.WithTimeout(c.ctx, lingerTime)
	defer cancel()
	if c.out.Send(ctx, wire.FrameOf(0, &wire.Error{Err: err})) != nil || c.out.Flush(ctx) != nil {
		return
	}
	linger(c.nc)
}

func linger(nc net.Conn) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		io.CopyN(io.Discard, nc, lingerBytes)
	}
}

// cutOffTime is how long one may take to hear why it is cut off.
const cutOffTime = 50 * time.Millisecond

// cutOff ends a connection whose frame takes too long to arrive to keep memory
// for it.
func (c *conn) cutOff() {
	ctx, cancel := context.WithTimeout(c.ctx, cutOffTime)
	defer cancel()
	why := firn.Errorf(firn.ErrBusy, "this node works on %d bytes of requests, which is its limit, and a frame of this connection has taken %v to arrive so far; send it again, faster or in parts", c.server.bytes.max, c.arriving(time.Now()).Round(time.Millisecond))
	if c.out.Send(ctx, wire.FrameOf(0, &wire.Error{Err: why})) == nil {
		c.out.Flush(ctx)
	}
	c.close()
}

func (c *conn) close() {
	c.cancel()
	c.out.Fail(net.ErrClosed)
	c.nc.Close()
}

// slowestBytes is how many bytes of a long frame a slow line carries in a second:
// that much more time a frame has than Options.FrameTimeout.
const slowestBytes = 64 << 10

// read takes frames until the connection ends or cannot be trusted.
func (c *conn) read() error {
	for {
		if _, err := c.in.Peek(1); err != nil {
			return err
		}
		now := time.Now().UnixNano()
		c.heard.Store(now)
		c.began.Store(now)
		h, err := wire.ReadHeader(c.in)
		if err != nil {
			return err
		}
		if err := c.limits.CheckFrame(h); err != nil {
			return err
		}
		c.allowed.Store(int64(h.BodyBytes) * int64(time.Second) / slowestBytes)
		body, err := c.body(h)
		c.holds.Store(0)
		if err != nil {
			return err
		}
		c.began.Store(0)
		c.allowed.Store(0)
		if body != nil {
			c.dispatch(h, body)
		}
		if c.unsent.Load() > unsentMax && c.out.Full() {
			if err := c.awaitTaken(); err != nil {
				return err
			}
		}
	}
}

// unsentMax is how many answers may wait for the client to take others before
// nothing more is heard of it: who only asks would else be answered for ever.
const unsentMax = 256

// awaitTaken waits until the client has taken some of its answers.
func (c *conn) awaitTaken() error {
	if err := c.server.awaitOutgoing(c.ctx); err != nil {
		return err
	}
	return c.out.Room(c.ctx)
}

// arriving returns for how long the frame has been arriving that has begun to.
func (c *conn) arriving(now time.Time) time.Duration {
	if began := c.began.Load(); began != 0 {
		return now.Sub(time.Unix(0, began))
	}
	return 0
}

// growth is by how much the memory for a body grows each time that it is full,
// so that what is taken has something to do with what has arrived.
const growth = 4

// body reads a frame's body. It is nil where the node has no room for it: then
// the call was refused and the body passed over.
func (c *conn) body(h wire.Header) (*wire.Buffer, error) {
	body := wire.NewBuffer(min(h.BodyBytes, wire.SmallBytes))
	if !c.server.takeIncoming(cap(body.B)) {
		body.Free()
		return nil, c.passOver(h, h.BodyBytes)
	}
	for {
		c.holds.Store(int64(cap(body.B)))
		have := len(body.B)
		body.B = body.B[:min(h.BodyBytes, cap(body.B))]
		if _, err := io.ReadFull(c.in, body.B[have:]); err != nil {
			c.free(body)
			return nil, err
		}
		if len(body.B) == h.BodyBytes {
			return body, nil
		}
		grown := wire.NewBuffer(min(h.BodyBytes, growth*cap(body.B)))
		if !c.server.takeIncoming(cap(grown.B)) {
			grown.Free()
			left := h.BodyBytes - len(body.B)
			c.free(body)
			return nil, c.passOver(h, left)
		}
		grown.B = append(grown.B, body.B...)
		c.free(body)
		body = grown
	}
}

// passOver refuses a call for which there is no room, and reads what is left of
// its body.
func (c *conn) passOver(h wire.Header, left int) error {
	c.holds.Store(0)
	c.answerError(h.Call, firn.Errorf(firn.ErrBusy, "this node works on %d bytes of requests, which is its limit; repeat the call in a moment", c.server.bytes.max))
	_, err := io.CopyN(io.Discard, c.in, int64(left))
	return err
}

// answer sends a frame that ends a call.
func (c *conn) answer(id uint64, m wire.Message) {
	c.out.Send(c.ctx, wire.FrameOf(id, m)) // an error means that nobody is there to be told
}

func (c *conn) answerError(id uint64, err error) {
	c.answer(id, wire.ErrorOf(err, firn.ErrUnavailable))
}
