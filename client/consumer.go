package client

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// Consume joins a group; see [firn.Groups]. It returns once the consumer is
// there.
//
// Where the leader or the connection is lost, the consumer goes on at the leader
// that it finds. What was delivered and not settled by then comes again, to this
// consumer or another, and answers to the old deliveries are ErrStale. Deliveries
// ends with ErrUnavailable where no leader was found for Options.Timeout.
func (c *Client) Consume(ctx context.Context, name string, inFlight uint32) (firn.Consumer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	consumer := &consumer{client: c, tries: c.newTries(false, "")}
	consumer.body = (&wire.Consume{Group: name, InFlight: inFlight, Credit: uint64(c.o.WindowBytes)}).AppendBody(nil)
	consumer.ctx, consumer.close = context.WithCancel(c.ctx)
	if err := consumer.join(ctx); err != nil {
		consumer.close()
		return nil, err
	}
	return consumer, nil
}

// consumer is a consumer of a group, over as many connections as it takes.
type consumer struct {
	client *Client // read only
	body   []byte  // of the Consume message; read only

	ctx   context.Context // ends at Close
	close context.CancelFunc

	taking sync.Mutex // held while the next delivery is taken
	// Guarded by taking.
	tries  tries
	due    []wire.Delivery // delivered over flow, not yet yielded
	events record.Decoder

	mu    sync.Mutex
	flow  *flow // over which deliveries come; nil: there is none
	began time.Time
}

// join becomes a consumer at the leader, however many attempts that takes.
func (c *consumer) join(ctx context.Context) error {
	for {
		err := c.joinOnce(ctx)
		if err == nil {
			return nil
		}
		if !c.tries.again(ctx, err) {
			return c.tries.failure(ctx, err, &request{})
		}
	}
}

func (c *consumer) joinOnce(ctx context.Context) error {
	f, err := c.tries.begin(ctx, wire.KindConsume, c.body)
	if err != nil {
		return err
	}
	if err := c.take(ctx, f, c.tries.deadline); err != nil {
		f.end()
		return err
	}
	c.mu.Lock()
	closed := c.ctx.Err() != nil
	if !closed {
		c.flow, c.began = f, time.Now()
	}
	c.mu.Unlock()
	if closed {
		f.end()
		return errClosed
	}
	return nil
}

// take waits for the next frame of deliveries.
func (c *consumer) take(ctx context.Context, f *flow, deadline time.Time) error {
	got, err := f.next(ctx, deadline)
	if err != nil {
		return err
	}
	if got.kind == wire.KindEnd {
		return errLeft
	}
	var m wire.Deliveries
	if got.kind != wire.KindDeliveries {
		return unexpected(wire.KindConsume, &wire.Plain{Is: got.kind})
	}
	if err := wire.ParseInto(&m, got.body); err != nil {
		return err
	}
	c.due = m.Items
	return nil
}

func (c *consumer) current() *flow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flow
}

// lose lets go of a flow that has failed. What came over it and was not yielded
// is void.
func (c *consumer) lose(f *flow) {
	c.mu.Lock()
	c.flow = nil
	began := c.began
	c.mu.Unlock()
	c.due = nil
	f.end()
	c.tries.stood(began)
}

func (c *consumer) Deliveries(ctx context.Context) iter.Seq2[firn.Delivery, error] {
	return func(yield func(firn.Delivery, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		for {
			d, err := c.next(ctx)
			if err != nil {
				if c.ctx.Err() == nil {
					yield(firn.Delivery{}, err)
				}
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// next waits for the next delivery, on whichever connection.
func (c *consumer) next(ctx context.Context) (d firn.Delivery, err error) {
	c.taking.Lock()
	defer c.taking.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		f := c.current()
		if f == nil {
			if err := c.join(ctx); err != nil {
				return d, err
			}
			continue
		}
		if len(c.due) > 0 && !f.in.isOver() {
			next := c.due[0]
			c.due = c.due[1:]
			d.Event, err = c.events.Event(next.Stream, next.Record)
			if f := next.Fault; f != nil {
				d.Event.Fault = &firn.Error{Kind: f.Kind, Message: f.Message, Stream: next.Stream}
			}
			d.Token, d.Attempt, d.Replay = next.Token, next.Attempt, next.Replay
			return d, err
		}
		err := c.take(ctx, f, time.Time{})
		if err == nil {
			c.tries.progress()
			continue
		}
		if ctx.Err() != nil {
			return d, ctx.Err() // the flow goes on: the caller may come again
		}
		c.lose(f)
		if !c.tries.again(ctx, err) {
			return d, c.tries.failure(ctx, err, &request{})
		}
	}
}

func (c *consumer) Settle(ctx context.Context, answers ...firn.Settlement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	void := 0
	for rest := answers; len(rest) > 0; {
		some := rest[:min(len(rest), wire.SettlementsMax)]
		rest = rest[len(some):]
		n, err := c.settle(ctx, c.current(), some)
		if err != nil {
			return err
		}
		void += n
	}
	if void > 0 {
		return firn.Stale(void, len(answers))
	}
	return nil
}

func (c *consumer) settle(ctx context.Context, f *flow, answers []firn.Settlement) (void int, err error) {
	for i := range answers {
		if a := &answers[i]; a.Outcome < firn.Ack || a.Outcome > firn.GiveBack || a.Delay < 0 {
			return 0, firn.Errorf(firn.ErrInvalid, "an answer with the outcome %d and the delay %v; give one of firn.Ack, RetryLater, Park, Skip and GiveBack, and a delay of 0 or more", a.Outcome, a.Delay)
		}
	}
	if f == nil || f.in.isOver() {
		return len(answers), nil // the deliveries went with their connection
	}
	m := wire.Settle{Consume: f.id, Answers: answers}
	body := m.AppendBody(nil)
	if err := f.conn.fits(len(body)); err != nil {
		return 0, err
	}
	w := &waiter{answer: make(chan answer, 1), deadline: time.Now().Add(c.client.o.Timeout), leader: true}
	id, err := f.conn.start(w)
	if err != nil {
		return len(answers), nil
	}
	if err := f.conn.send(ctx, wire.KindSettle, id, body); err != nil {
		f.conn.forget(id)
		return 0, mayHaveCounted(ctx, err)
	}
	select {
	case a := <-w.answer:
		if a.err != nil {
			return 0, mayHaveCounted(ctx, a.err)
		}
		counted, ok := a.message.(*wire.Counted)
		if !ok {
			return 0, unexpected(wire.KindSettle, a.message)
		}
		return int(counted.Count), nil
	case <-ctx.Done():
		f.conn.forget(id) // it goes on at the node
		return 0, ctx.Err()
	}
}

// mayHaveCounted says what became of answers whose answer did not come.
func mayHaveCounted(ctx context.Context, err error) error {
	if ctx.Err() != nil || answered(err) {
		return err
	}
	return firn.Errorf(firn.ErrUnknown, "the answers may have counted, or not: %s; events of which they have not are delivered again", reason(err))
}

// giveBack says of the deliveries that have come and that nobody has seen that
// they were not begun.
func (c *consumer) giveBack(f *flow) {
	c.taking.Lock() // next has ended, or is about to: its context has
	unseen := c.due
	c.due = nil
	c.taking.Unlock()
	for _, got := range f.in.rest() {
		var m wire.Deliveries
		if got.kind == wire.KindDeliveries && wire.ParseInto(&m, got.body) == nil {
			unseen = append(unseen, m.Items...)
		}
	}
	if len(unseen) == 0 {
		return
	}
	answers := make([]firn.Settlement, len(unseen))
	for i := range unseen {
		answers[i] = firn.Settlement{Token: unseen[i].Token, Outcome: firn.GiveBack}
	}
	ctx, cancel := context.WithTimeout(c.client.ctx, c.client.o.KeepAlive)
	defer cancel()
	c.settle(ctx, f, answers) // where it is not heard, they are given back all the same
}

// Close gives back what is not settled. It returns once the node has done so, or
// is silent.
func (c *consumer) Close() error {
	c.close()
	c.mu.Lock()
	f := c.flow
	c.flow = nil
	c.mu.Unlock()
	if f == nil {
		return nil
	}
	defer f.conn.forget(f.id)
	if f.in.isOver() {
		return nil
	}
	c.giveBack(f)
	f.conn.tell(f.id, &wire.Plain{Is: wire.KindCancel})
	timer := time.NewTimer(c.client.o.KeepAlive)
	defer timer.Stop()
	select {
	case <-f.in.ended:
	case <-timer.C:
	}
	return nil
}
