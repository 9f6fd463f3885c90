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
	spread   bool   // any node will do, best one that is not the leader
	pinned   string // the only address to ask; "": any
	deadline time.Time

	address string // of the attempt under way, or the last one
	count   int    // which address is next, while the leader is unknown
	hops    int    // redirections since the last pause
	pause   time.Duration
	last    error // what the last attempt ended in, where it was not the context's end

	// Why the newest attempt that may have done it is open, and whom it asked;
	// nil: no attempt may have. since is what the last one after it ended in.
	open   error
	openAt string
	since  error

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

// elsewhereAfter is how long a call waits for a new connection before it asks at
// another address: the leader that others name may be frozen, and the next one
// elected. The connection goes on being made, for whoever comes next.
const elsewhereAfter = 500 * time.Millisecond

var errNoAnswer = errors.New("no answer")

// stood gives a call without a deadline its whole time again, where the attempt
// that has ended was more than a refusal.
func (t *tries) stood(began time.Time) {
	if time.Since(began) > t.client.o.KeepAlive {
		t.progress()
	}
}

// connect picks the next node and returns its connection.
func (t *tries) connect(ctx context.Context) (*conn, error) {
	c := t.client
	switch leader := c.leader.Load(); {
	case t.pinned != "":
		t.address = t.pinned
	case !t.local && !t.spread && leader != nil:
		t.address = *leader
	default:
		t.address = c.addresses[t.count%len(c.addresses)]
		if t.spread && t.last == nil && leader != nil && t.address == *leader {
			t.count++
			t.address = c.addresses[t.count%len(c.addresses)]
		}
	}
	n := c.node(t.address)
	if conn := n.usable(); conn != nil {
		return conn, nil
	}
	until := t.deadline
	if soon := time.Now().Add(elsewhereAfter); t.pinned == "" && len(c.addresses) > 1 && soon.Before(until) {
		until = soon
	}
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	conn, err := n.connect(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = errNoAnswer
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
		case e.Kind == firn.ErrBusy && !t.local && !t.spread:
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
	pause := jittered(t.pause)
	if time.Until(t.deadline) < 2*pause {
		return false // one begun at the last moment would only leave open what this one has answered
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
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
	case t.open != nil:
		return &firn.Error{Kind: firn.ErrUnknown, Stream: r.stream, IDs: r.ids, Message: t.unknown(len(r.ids) > 0)}
	case ctx.Err() != nil && t.last != nil:
		return fmt.Errorf("%w; before that: %w", ctx.Err(), t.unavailable(t.last))
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return t.unavailable(err)
}

// note keeps what an attempt at a change leaves open.
func (t *tries) note(err error, sent bool) {
	switch {
	case sent && !answered(err) || errors.Is(err, firn.ErrUnknown):
		t.open, t.openAt, t.since = err, t.address, nil
	case t.open != nil:
		t.since = err
	}
}

// unknown says which attempt is open, and why. Of those after it, which did
// nothing, it gives the kind of error alone: their own words, that nothing was
// done, are not true of the call.
func (t *tries) unknown(hasIDs bool) string {
	since := ""
	if t.since != nil {
		kind := firn.ErrUnavailable
		if e := (*firn.Error)(nil); answered(t.since) && errors.As(t.since, &e) {
			kind = e.Kind
		}
		since = fmt.Sprintf("; tried again, it was not taken (%v)", kind)
	}
	if answered(t.open) {
		return fmt.Sprintf("%s said: %v%s", t.openAt, t.open, since)
	}
	at, how := t.openAt+": ", "repeat it with the same ids to find out"
	if lost := (*lostError)(nil); errors.As(t.open, &lost) {
		at = "" // which it names itself
	}
	if !hasIDs {
		how = "look, or repeat it, to find out"
	}
	return fmt.Sprintf("it may have been done, or not: %s%v%s; %s", at, t.open, since, how)
}

// unavailable returns what a node answered, or says that none did.
func (t *tries) unavailable(err error) *firn.Error {
	var e *firn.Error
	if errors.As(err, &e) && answered(err) {
		return e
	}
	said := ""
	if t.said != nil {
		said = fmt.Sprintf("; before that %s said: %s", t.saidBy, t.said.Message)
	}
	return firn.Errorf(firn.ErrUnavailable, "no node could answer within %v; nothing was done: %s: %s%s", t.client.o.Timeout, t.address, reason(err), said)
}
