package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firndb/firn"
)

// tries is the attempts at one call: which node is next, and whether there is
// time and sense in another.
type tries struct {
	client   *Client
	local    bool
	pinned   string // the only address to ask; "": any
	deadline time.Time

	address string // of the attempt under way, or the last one
	count   int    // which address is next, while the leader is unknown
	hops    int    // redirections since the last pause
	pause   time.Duration
	unknown bool  // some attempt may have done it
	last    error // what the last attempt ended in, where it was not the context's end

	// What a node answered last, and which one: where the attempts after it
	// reached nobody, that is what tells the reader why.
	said   *firn.Error
	saidBy string
}

func (c *Client) newTries(local bool, pinned string) tries {
	t := tries{client: c, local: local, pinned: pinned, deadline: time.Now().Add(c.o.Timeout)}
	if !local {
		t.count = int(c.turn.Load())
	}
	return t
}

// progress gives the call its whole time again.
func (t *tries) progress() {
	t.deadline = time.Now().Add(t.client.o.Timeout)
	t.pause, t.hops = 0, 0
}

// connect picks the next node and returns its connection.
func (t *tries) connect(ctx context.Context) (*conn, error) {
	c := t.client
	switch leader := c.leader.Load(); {
	case t.pinned != "":
		t.address = t.pinned
	case !t.local && leader != nil:
		t.address = *leader
	default:
		t.address = c.addresses[t.count%len(c.addresses)]
	}
	n := c.node(t.address)
	if conn := n.usable(); conn != nil {
		return conn, nil
	}
	limited, cancel := context.WithDeadline(ctx, t.deadline)
	defer cancel()
	conn, err := n.connect(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = fmt.Errorf("%s: no answer", t.address)
	}
	return conn, err
}

// again decides whether another attempt follows, and waits until it is due.
func (t *tries) again(ctx context.Context, err error) bool {
	if ctx.Err() != nil || t.client.ctx.Err() != nil {
		return false
	}
	t.last = err
	if !time.Now().Before(t.deadline) {
		return false
	}
	var e *firn.Error
	if answered(err) && errors.As(err, &e) {
		t.said, t.saidBy = e, t.address
		switch {
		case e.Kind == firn.ErrNotLeader && e.Leader != "" && e.Leader != t.address && t.hops < 4:
			t.client.leaderIs(e.Leader)
			t.hops++
			return true
		case e.Kind == firn.ErrBusy && !t.local:
			// The same node, once it has caught its breath.
		case e.Retry() == firn.RetryNo:
			return false
		default:
			t.client.leaderIsNot(t.address)
			t.count++
		}
	} else {
		t.client.leaderIsNot(t.address)
		t.count++
	}
	t.hops = 0
	t.pause = min(max(2*t.pause, pauseMin), pauseMax)
	timer := time.NewTimer(min(jittered(t.pause), time.Until(t.deadline)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return time.Now().Before(t.deadline)
	case <-ctx.Done():
		return false
	}
}

// failure says how the call ended, once again has said no.
func (t *tries) failure(ctx context.Context, err error, r *request) error {
	var e *firn.Error
	definite := answered(err) && errors.As(err, &e) && e.Retry() == firn.RetryNo
	switch {
	case definite:
		return e
	case t.unknown:
		how := "repeat it with the same ids to find out"
		if len(r.ids) == 0 {
			how = "look, or repeat it, to find out"
		}
		return &firn.Error{
			Kind: firn.ErrUnknown, Stream: r.stream, IDs: r.ids,
			Message: fmt.Sprintf("it may have been done, or not: %v; %s", err, how),
		}
	case ctx.Err() != nil && t.last != nil:
		return fmt.Errorf("%w; before that: %w", ctx.Err(), t.unavailable(t.last))
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return t.unavailable(err)
}

// unavailable returns what a node answered, or says that none did.
func (t *tries) unavailable(err error) *firn.Error {
	var e *firn.Error
	if errors.As(err, &e) && answered(err) {
		return e
	}
	said := ""
	if t.said != nil && t.saidBy != t.address {
		said = fmt.Sprintf("; before that %s said: %s", t.saidBy, t.said.Message)
	}
	return firn.Errorf(firn.ErrUnavailable, "no node could answer within %v; nothing was done: %s: %s%s", t.client.o.Timeout, t.address, reason(err), said)
}
