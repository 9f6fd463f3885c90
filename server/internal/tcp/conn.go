package tcp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
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
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	out    *wire.Sender
	actor  string
	node   string // whose certificate was shown, where that is a node's
	limits wire.Limits

	in *bufio.Reader // the reading goroutine's

	batches chan struct{} // holds one for each batch of events in memory that is not queued yet

	ready   atomic.Bool  // the handshake is over
	heard   atomic.Int64 // when the last frame came, in Unix nanoseconds
	began   atomic.Int64 // when the frame that is arriving began; 0: none is
	running atomic.Int32 // calls in flight

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
	c := &conn{server: s, nc: nc, out: wire.NewSender(nc), limits: s.o.Limits, batches: make(chan struct{}, batchesMax)}
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
		c.server.o.Logger.Warn("closing a connection", "remote", c.nc.RemoteAddr(), "at", where, "error", err)
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
		c.began.Store(now + int64(h.BodyBytes)*int64(time.Second)/slowestBytes)
		body, err := c.body(h)
		if err != nil {
			return err
		}
		c.began.Store(0)
		if body != nil {
			c.dispatch(h, body)
		}
	}
}

// stepBytes is how much of a long body is taken memory for before it arrives.
const stepBytes = 256 << 10

// body reads a frame's body. It is nil where the node has no room for it: then
// the call was refused and the body passed over.
func (c *conn) body(h wire.Header) (*wire.Buffer, error) {
	body := wire.NewBuffer(min(h.BodyBytes, stepBytes))
	for have := 0; have < h.BodyBytes; have = len(body.B) {
		step := min(h.BodyBytes-have, max(have, stepBytes))
		if !c.server.bytes.take(step) {
			c.server.bytes.give(have)
			body.Free()
			c.answerError(h.Call, firn.Errorf(firn.ErrBusy, "this node works on %d bytes of requests, which is its limit; repeat the call in a moment", c.server.bytes.max))
			_, err := io.CopyN(io.Discard, c.in, int64(h.BodyBytes-have))
			return nil, err
		}
		if room := have + step; room > cap(body.B) {
			grown := wire.NewBuffer(room)
			grown.B = append(grown.B, body.B...)
			body.Free()
			body = grown
		}
		body.B = body.B[:have+step]
		if _, err := io.ReadFull(c.in, body.B[have:]); err != nil {
			c.server.bytes.give(len(body.B))
			body.Free()
			return nil, err
		}
	}
	return body, nil
}

// answer sends a frame that ends a call.
func (c *conn) answer(id uint64, m wire.Message) {
	c.out.Send(c.ctx, wire.FrameOf(id, m)) // an error means that nobody is there to be told
}

func (c *conn) answerError(id uint64, err error) {
	c.answer(id, wire.ErrorOf(err, firn.ErrUnavailable))
}
