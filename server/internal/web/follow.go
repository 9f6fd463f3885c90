package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

// Subscription is an open subscription. It is for one goroutine at a time.
type Subscription interface {
	// Next returns the next step. At the head it waits until there is one.
	Next(ctx context.Context) (Step, error)

	// Rest lets go of the memory that the subscription holds, as far as it can
	// have it back later. The door calls it where a client is slow.
	Rest()

	Close()
}

// Step is what happens next in a subscription: some events, then perhaps a mark.
type Step struct {
	Events []firn.Event // valid until the next step
	Mark   *firn.Mark   // nil: none
	More   bool         // another step follows without waiting for an event
}

// slow is how long a client may take for what was written before the
// subscription rests.
const slow = 100 * time.Millisecond

// follow answers the GET of a target with the events that are there and those
// that come, until the client or the node has enough.
func (d *Door) follow(a *answer, r *http.Request, q firn.Query, timeout time.Duration) error {
	id := r.Header.Get("Last-Event-ID")
	if id != "" {
		seen, err := strconv.ParseUint(id, 10, 63)
		if err != nil {
			return firn.Errorf(firn.ErrInvalid, "Last-Event-ID: %.40s; want the position that an event or a mark had as its id", id)
		}
		q.From = firn.PositionPoint(firn.Position(seen + 1))
		if q.Consistency.Local { // on a node that lags, what was seen is yet to come
			q.Consistency.AtLeast = max(q.Consistency.AtLeast, firn.Position(seen))
		}
	}
	if err := q.CheckSubscribe(); err != nil {
		return err
	}
	ctx, began, end := limited(r.Context(), d.following, timeout)
	defer end()
	a.uncached()
	a.Header().Set("Content-Type", forms[sse])
	if r.Method == http.MethodHead {
		return nil
	}
	out := newMessages(a, d.o.StallTimeout, d.o.Heartbeat)
	defer out.stop()
	out.resumed = id != ""
	s, err := d.backend.Subscribe(ctx, q)
	if err != nil {
		return out.failed(inTime(cause(ctx, err), timeout))
	}
	defer s.Close()
	d.metrics.followers.Inc()
	defer d.metrics.followers.Dec()
	for {
		step, err := s.Next(ctx)
		if err != nil {
			return out.failed(inTime(cause(ctx, err), timeout))
		}
		began() // so far an error has a status of its own
		start := time.Now()
		if err := out.step(&step); err != nil {
			return err
		}
		if time.Since(start) > slow {
			s.Rest()
		}
	}
}

// step writes what has happened. It leaves for the client where nothing follows
// at once, or much is gathered.
func (m *messages) step(s *Step) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range s.Events {
		var o jsonline.Object
		eventjson.Event(&o, &s.Events[i])
		if err := m.message("", s.Events[i].Position, o.Bytes()); err != nil {
			return err
		}
	}
	if s.Mark != nil {
		var o jsonline.Object
		eventjson.Mark(&o, s.Mark)
		if err := m.message(s.Mark.Kind.String(), s.Mark.At, o.Bytes()); err != nil {
			return err
		}
	}
	if s.More {
		return nil
	}
	return m.flush()
}

// failed ends the answer: with the error's status where nothing has left yet,
// else with a message that says why. EventSource gives up on any status but 200,
// so a client that has come back to a node which cannot answer just now gets the
// message too, and comes again.
func (m *messages) failed(err error) error {
	comeAgain := m.resumed && !errors.Is(err, context.Canceled) && asError(err).Retry() == firn.RetrySafe
	if m.a.began.IsZero() && !comeAgain {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.message("failure", 0, eventjson.Error(err)); err != nil {
		return err
	}
	return m.flush()
}
