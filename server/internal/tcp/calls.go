package tcp

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// job is a request to be worked on.
type job struct {
	conn   *conn
	header wire.Header
	body   *wire.Buffer
	call   *call // nil for an append, which goes on once the node has it
}

// call is a request that can be cancelled and that credit may be granted to.
type call struct {
	ctx    context.Context
	cancel context.CancelFunc
	credit atomic.Int64
	wake   chan struct{} // signals that credit came

	consumer Consumer // of a Consume; guarded by the connection's mu
}

// changes says which calls may have done something although they failed.
func changes(k wire.Kind) bool {
	switch k {
	case wire.KindAppend, wire.KindAppendAt, wire.KindChange, wire.KindCreateGroup, wire.KindUpdateGroup, wire.KindDeleteGroup,
		wire.KindSettle, wire.KindUnpark, wire.KindRewind:
		return true
	}
	return false
}

// creditMax keeps the sum of grants from running over.
const creditMax = math.MaxInt64 / 2

func (c *call) grant(bytes uint64) {
	for {
		now := c.credit.Load()
		next := now + int64(min(bytes, uint64(creditMax-max(now, 0))))
		if c.credit.CompareAndSwap(now, next) {
			break
		}
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// wait waits until there is credit, or the door begins to close: the client may
// never grant any. One frame may then go over it.
func (c *call) wait(stopping context.Context) error {
	for c.credit.Load() <= 0 {
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-stopping.Done():
			return errStopping
		}
	}
	return nil
}

// dispatch hands a frame on. It runs on the reading goroutine and does not wait
// for the backend. The body is freed by whoever works on it.
func (c *conn) dispatch(h wire.Header, body *wire.Buffer) {
	switch h.Kind {
	case wire.KindPing, wire.KindPong, wire.KindCancel, wire.KindCredit:
		c.control(h, body.B)
		c.free(body)
		return
	}
	if handlers[h.Kind] == nil {
		c.answerError(h.Call, firn.Errorf(firn.ErrUnsupported, "this node does not take frames of kind %v; it speaks protocol version %d", h.Kind, wire.ProtocolVersion))
		c.free(body)
		return
	}
	if int(c.running.Add(1)) > c.server.o.MaxCallsPerConnection {
		c.running.Add(-1)
		c.answerError(h.Call, firn.Errorf(firn.ErrBusy, "this connection has %d calls in flight, which is the limit; wait for some of them", c.server.o.MaxCallsPerConnection))
		c.free(body)
		return
	}
	if !c.server.begin() {
		c.running.Add(-1)
		c.answerError(h.Call, errStopping)
		c.free(body)
		return
	}
	j := job{conn: c, header: h, body: body}
	if h.Kind != wire.KindAppend && h.Kind != wire.KindAppendAt {
		j.call = c.register(h.Call)
	}
	c.server.workers.run(j)
}

// control takes a frame that begins no call. One that is malformed, or for a
// call that is over, is passed by: it asks for nothing.
func (c *conn) control(h wire.Header, body []byte) {
	m, err := wire.Parse(h.Kind, body)
	if err != nil {
		c.answerError(h.Call, err)
		return
	}
	if h.Kind == wire.KindPing {
		c.answer(h.Call, &wire.Plain{Is: wire.KindPong})
		return
	}
	c.mu.Lock()
	call := c.calls[h.Call]
	c.mu.Unlock()
	if call == nil {
		return
	}
	switch m := m.(type) {
	case *wire.Credit:
		call.grant(m.Bytes)
	case *wire.Plain:
		if m.Is == wire.KindCancel {
			call.cancel()
		}
	}
}

func (c *conn) register(id uint64) *call {
	k := &call{wake: make(chan struct{}, 1)}
	k.ctx, k.cancel = context.WithCancel(c.ctx)
	c.mu.Lock()
	if c.calls == nil {
		c.calls = make(map[uint64]*call)
	}
	c.calls[id] = k
	c.mu.Unlock()
	return k
}

var errStopping = firn.Errorf(firn.ErrUnavailable, "this node is stopping; go on at another one")

// untilStopping makes the context of a call that has no end of its own end when
// the door begins to close. ended lets go of it, and returns err, or errStopping
// where that was the reason.
func (j job) untilStopping() (ended func(err error) error) {
	ctx, cancel := context.WithCancelCause(j.call.ctx)
	forget := context.AfterFunc(j.conn.server.stopping, func() { cancel(errStopping) })
	j.call.ctx = ctx
	return func(err error) error {
		stopped := context.Cause(ctx) == error(errStopping)
		forget()
		cancel(nil)
		if err != nil && stopped {
			return errStopping
		}
		return err
	}
}

func (c *conn) unregister(id uint64, k *call) {
	k.cancel()
	c.mu.Lock()
	if c.calls[id] == k {
		delete(c.calls, id)
	}
	c.mu.Unlock()
}

func (c *conn) free(body *wire.Buffer) {
	c.server.bytes.give(cap(body.B))
	body.Free()
}

// do works on the request and answers it.
func (j job) do() {
	c, began := j.conn, time.Time{}
	if c.server.o.Observe != nil {
		began = time.Now()
	}
	last, err := handlers[j.header.Kind](j)
	if err != nil {
		otherwise := firn.ErrUnavailable
		if changes(j.header.Kind) {
			otherwise = firn.ErrUnknown
		}
		last = wire.ErrorOf(err, otherwise)
	}
	if j.call != nil {
		c.unregister(j.header.Call, j.call)
	}
	// Counted out before the answer leaves: whoever has it may call again.
	c.free(j.body)
	c.running.Add(-1)
	c.unsent.Add(1)
	c.answer(j.header.Call, last)
	c.unsent.Add(-1)
	if c.server.o.Observe != nil {
		c.server.o.Observe(j.header.Kind, time.Since(began), err)
	}
	c.server.end()
}
