package client

import (
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// Subscribe follows what the query selects; see [firn.Store]. Where the
// connection is lost, or the node stops, it goes on at another node behind what
// it has yielded, unseen by the caller but for further caught-up marks. Only
// where no node has answered for [Options.Timeout] does it end with
// ErrUnavailable; waiting for the next event is no such time.
//
// Subscriptions go to the followers in turn, not to the leader where that is
// known: reading the log and sending it costs a node much more than keeping up
// with it, and the leader has the appends to do. The price is that a follower
// learns of a commit with the leader's next message, at the latest some 20 ms
// later. With a local consistency they go where local reads do.
//
// The events of one frame share its memory, as those of [Client.Read] do.
func (c *Client) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return func(yield func(firn.Message, error) bool) {
		if err := q.CheckSubscribe(); err != nil {
			yield(firn.Message{}, err)
			return
		}
		if err := ctx.Err(); err != nil {
			yield(firn.Message{}, err)
			return
		}
		s := subscribing{query: q, from: q.From, yield: yield}
		t := c.newTries(local(q.Consistency), "")
		t.spread, t.count = !t.local, int(c.followed.Add(1))
		if t.local {
			t.count = 0
		}
		for {
			over, err := s.attempt(ctx, &t)
			if over {
				return
			}
			if !t.again(ctx, err) {
				yield(firn.Message{}, t.failure(ctx, err, &request{}))
				return
			}
			s.resume()
		}
	}
}

// subscribing is a subscription under way, over as many connections as it takes.
type subscribing struct {
	query firn.Query // for the next attempt
	from  firn.Point // what the caller asked for
	yield func(firn.Message, error) bool

	began    bool          // something has come
	at       firn.Position // everything wanted up to here has been yielded
	history  firn.ID       // that at counts in
	caughtUp bool          // on the connection under way: it may be silent now
}

// attempt follows until the connection fails. over says that there is nothing
// more to do.
func (s *subscribing) attempt(ctx context.Context, t *tries) (over bool, err error) {
	m := wire.Subscribe{Query: s.query, Credit: uint64(t.client.o.WindowBytes)}
	f, err := t.begin(ctx, wire.KindSubscribe, m.AppendBody(nil))
	if err != nil {
		return false, err
	}
	defer f.end()
	d := decoders.Get().(*decoder)
	defer d.release()
	s.caughtUp = false
	for {
		deadline := t.deadline
		if s.caughtUp {
			deadline = time.Time{}
		}
		got, err := f.next(ctx, deadline)
		if err != nil {
			if s.caughtUp {
				t.progress() // however long it was silent
			}
			return false, err
		}
		switch got.kind {
		case wire.KindEvents:
			over, err = s.events(ctx, d, got.body)
		case wire.KindFaults:
			err = d.fault(got.body)
		case wire.KindMarks:
			over, err = s.marks(got.body)
		default:
			err = firn.Errorf(firn.ErrInternal, "the node answered a subscription with %v", got.kind)
		}
		if over || err != nil {
			return over, err
		}
		if !s.began {
			s.began, s.history = true, f.conn.welcome.History
		}
		t.progress()
	}
}

// events yields the events of one frame.
func (s *subscribing) events(ctx context.Context, d *decoder, body []byte) (over bool, err error) {
	d.frame.Reset(body)
	ended := ctx.Done()
	for {
		select {
		case <-ended:
			return false, ctx.Err()
		default:
		}
		stream, bytes, ok := d.frame.Next()
		if !ok {
			return false, d.frame.Err()
		}
		e, err := d.decode(stream, bytes)
		if err != nil {
			return false, err
		}
		if e.Position <= s.at || s.tooEarly(&e) {
			continue
		}
		s.at = e.Position
		if !s.yield(firn.Message{Event: e}, nil) {
			return true, nil
		}
	}
}

// tooEarly reports whether the event comes before a point that was yet to come
// when the subscription began, and that the query of a later attempt does not
// name any more.
func (s *subscribing) tooEarly(e *firn.Event) bool {
	switch s.from.Kind() {
	case firn.PointRevision:
		return e.Revision < s.from.Revision()
	case firn.PointPosition:
		return e.Position < s.from.Position()
	case firn.PointMoment:
		return e.Time.Before(s.from.Moment())
	}
	return false
}

// marks yields the marks of one frame.
func (s *subscribing) marks(body []byte) (over bool, err error) {
	var m wire.Marks
	if err := wire.ParseInto(&m, body); err != nil {
		return false, err
	}
	for i := range m.Marks {
		mark := &m.Marks[i]
		if mark.Kind == firn.CaughtUp {
			s.caughtUp = true
		}
		if s.passed(mark) {
			continue
		}
		s.at, s.history = mark.At, mark.History
		if !s.yield(firn.Message{Mark: mark}, nil) {
			return true, nil
		}
	}
	return false, nil
}

// passed reports whether the caller knows more than the mark tells.
func (s *subscribing) passed(m *firn.Mark) bool {
	if m.Kind != firn.LifeMark {
		return m.At < s.at
	}
	return m.At <= s.at || s.from.Kind() == firn.PointPosition && m.At < s.from.Position() ||
		s.from.Kind() == firn.PointMoment && m.Time.Before(s.from.Moment())
}

// resume makes query what is left behind what was yielded. A node that lags
// behind that waits until it does so no more.
func (s *subscribing) resume() {
	if !s.began {
		return
	}
	s.query.From, s.query.History = firn.PositionPoint(s.at+1), s.history
	if s.query.Consistency.Local || s.query.Consistency.AtLeast > 0 {
		s.query.Consistency.AtLeast = max(s.query.Consistency.AtLeast, s.at)
	}
}
