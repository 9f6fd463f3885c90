package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

var errClosed = firn.Errorf(firn.ErrUnavailable, "the client is closed")

// lostError is a connection that ended while it was used.
type lostError struct {
	address string
	cause   error
}

func (e *lostError) Error() string {
	return fmt.Sprintf("the connection to %s was lost: %v", e.address, e.cause)
}

func (e *lostError) Unwrap() error { return e.cause }

// receiver takes the frames that answer a call.
type receiver interface {
	// take is called by the reading goroutine and must not wait. The body is
	// the receiver's. last says that the call is over.
	take(k wire.Kind, body []byte) (last bool)
	// lost ends the call without an answer.
	lost(err error)
	// overdue reports whether the call has waited for longer than it may.
	overdue(now time.Time) bool
	// leaders reports whether somebody waits for an answer that only the leader
	// can give.
	leaders() bool
}

// conn is one connection, past its handshake.
type conn struct {
	// Set by open, then read only.
	client  *Client
	address string
	nc      net.Conn
	out     *wire.Sender
	welcome wire.Welcome
	done    chan struct{} // closed by fail

	in    *bufio.Reader // the reading goroutine's
	heard atomic.Int64  // when the last frame came, in Unix nanoseconds

	mu      sync.Mutex
	calls   map[uint64]receiver
	last    uint64    // call id given last
	leaving bool      // the node takes no further calls
	failed  error     // why the connection is lost
	pinged  time.Time // when the ping that nothing has answered was sent; zero: there is none
	nudged  bool      // it was asked for a sign of life because the leader's answer is due; see suspect.go
	looking bool      // the others are being asked who leads
}

func (c *conn) takesCalls() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed == nil && !c.leaving
}

// start registers a call and returns its id.
func (c *conn) start(r receiver) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	c.last++
	c.calls[c.last] = r
	return c.last, nil
}

// forget makes later frames of a call go nowhere, and reports whether the call
// was still open.
func (c *conn) forget(id uint64) bool {
	c.mu.Lock()
	_, open := c.calls[id]
	delete(c.calls, id)
	leave := c.leaving && len(c.calls) == 0
	c.mu.Unlock()
	if leave {
		go c.fail(errLeft)
	}
	return open
}

var errLeft = firn.Errorf(firn.ErrUnavailable, "the node is stopping")

// fits refuses a body that is over what the node takes: it would end the
// connection, and all calls on it.
func (c *conn) fits(bodyBytes int) error {
	return c.welcome.Limits.CheckFrame(wire.Header{BodyBytes: bodyBytes})
}

// send sends a frame of a call, of which body is the encoded message.
func (c *conn) send(ctx context.Context, k wire.Kind, id uint64, body []byte) error {
	frame := wire.NewBuffer(wire.HeaderBytes + len(body))
	frame.B = append(wire.BeginFrame(frame.B, k, id), body...)
	wire.EndFrame(frame.B, 0)
	return c.out.Send(ctx, frame)
}

// tell sends a frame that nobody waits for. Where there is no room it is the
// connection that is in trouble, which keepalive finds out.
func (c *conn) tell(id uint64, m wire.Message) {
	ctx, cancel := context.WithTimeout(c.client.ctx, c.client.o.KeepAlive)
	defer cancel()
	c.out.Send(ctx, wire.FrameOf(id, m))
}

// abandon ends a call whose answer nobody waits for any more.
func (c *conn) abandon(id uint64) {
	if c.forget(id) {
		c.tell(id, &wire.Plain{Is: wire.KindCancel})
	}
}

// read takes frames until the connection ends.
func (c *conn) read() {
	for {
		h, err := wire.ReadHeader(c.in)
		if err == nil {
			err = c.welcome.Limits.CheckFrame(h)
		}
		if err != nil {
			c.fail(&lostError{c.address, err})
			return
		}
		body := make([]byte, h.BodyBytes)
		if _, err := io.ReadFull(c.in, body); err != nil {
			c.fail(&lostError{c.address, err})
			return
		}
		c.heard.Store(time.Now().UnixNano())
		if h.Call == 0 {
			if err := c.control(h.Kind, body); err != nil {
				c.fail(&lostError{c.address, err})
				return
			}
			continue
		}
		c.mu.Lock()
		r := c.calls[h.Call]
		c.mu.Unlock()
		if r != nil && r.take(h.Kind, body) {
			c.forget(h.Call)
		}
	}
}

// control takes a frame of the connection itself.
func (c *conn) control(k wire.Kind, body []byte) error {
	m, err := wire.Parse(k, body)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *wire.Error:
		return m.Err
	case *wire.Plain:
		switch m.Is {
		case wire.KindPing:
			// Not on this goroutine: it must go on reading, or both sides
			// could wait for each other to read.
			go c.tell(0, &wire.Plain{Is: wire.KindPong})
		case wire.KindGoodbye:
			c.mu.Lock()
			c.leaving = true
			idle := len(c.calls) == 0
			c.mu.Unlock()
			c.client.leaderIsNot(c.address)
			if idle {
				return errLeft
			}
		}
	}
	return nil
}

// fail ends the connection and all its calls. Only the first reason counts.
func (c *conn) fail(err error) {
	c.mu.Lock()
	if c.failed != nil {
		c.mu.Unlock()
		return
	}
	c.failed = err
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	close(c.done)
	c.out.Fail(err)
	c.nc.Close()
	for _, r := range calls {
		r.lost(err)
	}
}

// keepAlive asks the node for a sign of life when it is silent, and fails calls
// whose time is over.
func (c *conn) keepAlive() {
	o := &c.client.o
	ticker := time.NewTicker(max(min(o.KeepAlive, o.Timeout)/(2*suspectPart), time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			c.check(now)
		case <-c.done:
			return
		}
	}
}

// idlePings is how many times longer an idle connection may be silent than one
// on which calls wait.
const idlePings = 8

func (c *conn) check(now time.Time) {
	keepAlive := c.client.o.KeepAlive
	silent := now.Sub(time.Unix(0, c.heard.Load()))
	late := map[uint64]receiver{}
	c.mu.Lock()
	for id, r := range c.calls {
		if r.overdue(now) {
			late[id] = r
			delete(c.calls, id)
		}
	}
	if len(c.calls) == 0 {
		keepAlive *= idlePings
	}
	if silent < keepAlive {
		c.pinged = time.Time{}
	}
	ping := silent >= keepAlive && c.pinged.IsZero()
	if ping {
		c.pinged = now
	}
	dead := !c.pinged.IsZero() && now.Sub(c.pinged) >= keepAlive
	nudge, look := c.suspect(silent)
	c.mu.Unlock()
	for id, r := range late {
		r.lost(errOverdue)
		go c.tell(id, &wire.Plain{Is: wire.KindCancel})
	}
	if look {
		go c.look()
	}
	switch {
	case ping || nudge:
		go c.tell(0, &wire.Plain{Is: wire.KindPing})
	case dead:
		c.fail(&lostError{c.address, fmt.Errorf("the node has been silent for %v", silent.Round(time.Millisecond))})
	}
}

var errOverdue = fmt.Errorf("the node did not answer in time")
