package check_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
)

// crowd is consumers of a group. They answer in all ways, too late and not at
// all, and they come and go.
type crowd struct {
	groups func(consumer int) firn.Groups // the store that a consumer uses
	group  firn.Group
	seed   uint64
	settle func(*rand.Rand) firn.Outcome // nil: [anyhow]

	calm    atomic.Bool // in the end: they answer at once
	running sync.WaitGroup
	cancel  context.CancelFunc
}

// anyhow draws an answer: most are acknowledged.
func anyhow(r *rand.Rand) firn.Outcome {
	switch n := r.IntN(100); {
	case n < 12:
		return firn.RetryLater
	case n < 15:
		return firn.Park
	case n < 20:
		return firn.Skip
	}
	return firn.Ack
}

// start lets consumers go to work until stop.
func (c *crowd) start(ctx context.Context, consumers int) {
	ctx, c.cancel = context.WithCancel(ctx)
	for i := range consumers {
		r := dice(c.seed, uint64(100+i))
		c.running.Go(func() {
			for ctx.Err() == nil {
				c.consume(ctx, c.groups(i), r)
				wait(ctx, time.Duration(1+r.IntN(20))*time.Millisecond)
			}
		})
	}
}

func (c *crowd) stop() {
	c.cancel()
	c.running.Wait()
}

// consume is one life of a consumer. It ends with the first error, or by itself.
func (c *crowd) consume(ctx context.Context, groups firn.Groups, r *rand.Rand) {
	consumer, err := groups.Consume(ctx, c.group.Name, uint32(1+r.IntN(8)))
	if err != nil {
		return
	}
	defer consumer.Close()
	var held []firn.Delivery // to be answered later, perhaps too late
	for left := 5 + r.IntN(200); left > 0; left-- {
		d, ok := c.next(ctx, consumer)
		if !ok {
			return
		}
		if held = append(held, d); r.IntN(12) == 0 && len(held) < 4 && !c.calm.Load() {
			continue
		}
		if r.IntN(150) == 0 && !c.calm.Load() {
			wait(ctx, c.group.Lease+time.Duration(r.Int64N(int64(c.group.Lease)))) // slow
		}
		r.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
		n := 1 + r.IntN(len(held))
		if c.calm.Load() {
			n = len(held)
		}
		if c.answer(ctx, consumer, r, held[:n]) != nil {
			return
		}
		held = held[n:]
	}
}

// answer answers deliveries one by one, so that it is known which were stale, or
// all at once.
func (c *crowd) answer(ctx context.Context, consumer firn.Consumer, r *rand.Rand, held []firn.Delivery) error {
	outcome := anyhow
	if c.settle != nil {
		outcome = c.settle
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	var answers []firn.Settlement
	for _, d := range held {
		answers = append(answers, firn.Settlement{Token: d.Token, Outcome: outcome(r), Reason: fmt.Sprint("drawn for ", d.Token.Number)})
	}
	if r.IntN(3) == 0 {
		return ignoreStale(consumer.Settle(ctx, answers...))
	}
	for _, a := range answers {
		if err := ignoreStale(consumer.Settle(ctx, a)); err != nil {
			return err
		}
	}
	return nil
}

// ignoreStale passes over answers that came too late: the history knows.
func ignoreStale(err error) error {
	if errors.Is(err, firn.ErrStale) {
		return nil
	}
	return err
}

// next takes one delivery.
func (c *crowd) next(ctx context.Context, consumer firn.Consumer) (firn.Delivery, bool) {
	for d, err := range consumer.Deliveries(ctx) {
		return d, err == nil
	}
	return firn.Delivery{}, false
}
