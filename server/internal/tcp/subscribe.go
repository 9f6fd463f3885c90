package tcp

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// Subscription is an open subscription. It is for one goroutine at a time.
type Subscription interface {
	// Next returns the next step. At the head it waits until there is one.
	Next(ctx context.Context) (Step, error)

	// Rest lets go of the memory that the subscription holds, as far as it can
	// have it back later. The door calls it when a client lets it wait.
	Rest()

	Close()
}

// Step is what happens next in a subscription: some events, then perhaps a
// mark.
type Step struct {
	Events []record.Stored // valid until the next step
	Mark   *firn.Mark      // nil: none
	More   bool            // another step follows without waiting for an event
}

// followBytes is about what one step may hold. A frame with less room goes out
// before the next step is asked for.
const followBytes = 64 << 10

// subscribe answers Subscribe: Events and Marks as far as the credit reaches,
// until the client or the node has enough.
func (j job) subscribe() (wire.Message, error) {
	var m wire.Subscribe
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	if err := m.Query.CheckSubscribe(); err != nil {
		return nil, err
	}
	j.call.grant(m.Credit)
	ended := j.untilStopping()
	return nil, ended(j.pass(j.call.ctx, m.Query))
}

// pass passes on what the subscription yields until an error ends it.
func (j job) pass(ctx context.Context, q firn.Query) error {
	from, err := j.conn.server.backend.Subscribe(ctx, q)
	if err != nil {
		return err
	}
	defer from.Close()
	out := &batches{job: j}
	defer out.drop()
	for {
		if out.frame == nil {
			if err := j.awaitCredit(from); err != nil {
				return err
			}
		}
		step, err := from.Next(ctx)
		if err != nil {
			// What was read before the error is the client's all the same.
			if flushErr := out.flush(); flushErr != nil {
				return flushErr
			}
			return err
		}
		for i := range step.Events {
			if err := out.add(&step.Events[i], step.More || len(step.Events) > 1); err != nil {
				return err
			}
		}
		if step.Mark != nil || !step.More || out.bytes() > batchBytes-followBytes {
			if err := out.flush(); err != nil {
				return err
			}
		}
		if step.Mark != nil {
			if err := j.beginBatch(); err != nil {
				return err
			}
			if err := j.endBatch(wire.FrameOf(j.header.Call, &wire.Marks{Marks: []firn.Mark{*step.Mark}})); err != nil {
				return err
			}
		}
	}
}

// restAfter is how long a client may take to grant credit before the memory
// that is held for it goes to others.
const restAfter = 500 * time.Millisecond

// awaitCredit waits until the subscription may go on.
func (j job) awaitCredit(from Subscription) error {
	if j.call.credit.Load() > 0 {
		return nil
	}
	timer := time.NewTimer(restAfter)
	defer timer.Stop()
	for j.call.credit.Load() <= 0 {
		select {
		case <-j.call.wake:
		case <-timer.C:
			from.Rest()
		case <-j.call.ctx.Done():
			return j.call.ctx.Err()
		}
	}
	return nil
}
