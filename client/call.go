package client

import (
	"context"
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// request is a call that is answered by one frame.
type request struct {
	kind    wire.Kind
	body    []byte
	local   bool      // for the node addressed, rather than the leader
	address string    // for this node only; "": any
	changes bool      // it does something: once sent, its outcome is open until a node answers
	lasting bool      // the node may take as long as it likes to answer
	stream  string    // for an error that says the outcome is unknown
	ids     []firn.ID // likewise
}

// waiter waits for the one frame.
type waiter struct {
	answer   chan answer // room for one
	deadline time.Time   // zero: none
	leader   bool        // it is the leader's to give
}

type answer struct {
	message wire.Message
	err     error
}

func (w *waiter) take(k wire.Kind, body []byte) bool {
	m, err := wire.Parse(k, body)
	if e, ok := m.(*wire.Error); ok {
		m, err = nil, e.Err
	}
	w.deliver(answer{m, err})
	return true
}

func (w *waiter) lost(err error) { w.deliver(answer{nil, err}) }

// deliver takes the first answer. A second one can come where the connection or
// the call's time ends just as the node answers, and must not be waited with:
// nobody may be there any more to take it.
func (w *waiter) deliver(a answer) {
	select {
	case w.answer <- a:
	default:
	}
}

func (w *waiter) overdue(now time.Time) bool {
	return !w.deadline.IsZero() && now.After(w.deadline)
}

func (w *waiter) leaders() bool { return w.leader }

// call sends the request until it is answered, or until repeating it is of no
// use.
func (c *Client) call(ctx context.Context, r *request) (wire.Message, error) {
	t := c.newTries(r.local, r.address)
	for {
		began := time.Now()
		m, sent, err := c.once(ctx, &t, r)
		if err == nil {
			if r.changes {
				c.leaderIs(t.address)
			}
			return m, nil
		}
		if r.changes {
			t.note(err, sent)
		}
		if r.lasting {
			t.stood(began)
		}
		if !t.again(ctx, err) {
			return nil, t.failure(ctx, err, r)
		}
	}
}

// answered reports whether the error came from a node, which knows what it did.
func answered(err error) bool {
	var e *firn.Error
	var lost *lostError
	var stranger *untrusted
	return errors.As(err, &e) && !errors.As(err, &lost) && !errors.As(err, &stranger) && e != errClosed && e != errLeft
}

// once makes one attempt. sent says that the request may have reached the node.
func (c *Client) once(ctx context.Context, t *tries, r *request) (m wire.Message, sent bool, err error) {
	conn, err := t.connect(ctx)
	if err != nil {
		return nil, false, err
	}
	if err := conn.fits(len(r.body)); err != nil {
		return nil, false, err
	}
	w := &waiter{answer: make(chan answer, 1), deadline: t.deadline, leader: !t.local && t.pinned == ""}
	if r.lasting {
		w.deadline = time.Time{}
	}
	id, err := conn.start(w)
	if err != nil {
		return nil, false, err
	}
	if err := conn.send(ctx, r.kind, id, r.body); err != nil {
		conn.forget(id)
		return nil, false, err
	}
	select {
	case a := <-w.answer:
		return a.message, true, a.err
	case <-ctx.Done():
		if r.changes {
			conn.forget(id) // it goes on at the node
		} else {
			conn.abandon(id)
		}
		return nil, true, ctx.Err()
	}
}
