package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// settleMax is how many answers a consumer sends together at most.
const settleMax = 256

// consumeGroup lets the clients consume a group of their own that follows
// everything from its beginning. Each answers all deliveries that have come in
// while its answers before were on their way. A delivery's latency ends when its
// acknowledgement is durable. The run is over early where nothing is left.
func (b *bench) consumeGroup(ctx context.Context, s stretch) measured {
	shards := newShards(s.clients)
	b.groups++
	name := fmt.Sprintf("bench-%s%d", b.written.tag, b.groups)
	elapsed, err := b.consumeAll(ctx, s, name, shards)
	if err != nil {
		shards[0].fail(err)
	}
	return sum(shards, elapsed)
}

func (b *bench) consumeAll(ctx context.Context, s stretch, name string, shards []shard) (elapsed time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.duration+callTimeout)
	defer cancel()
	groups, err := groupsOf(b.store(0))
	if err != nil {
		return 0, err
	}
	head, _, err := b.store(0).Head(ctx, firn.Consistency{})
	if err != nil {
		return 0, err
	}
	if _, err := groups.CreateGroup(ctx, firn.Group{Name: name, All: true}); err != nil {
		return 0, err
	}
	defer func() {
		_, deleteErr := groups.DeleteGroup(ctx, name)
		err = errors.Join(err, deleteErr)
	}()
	consumers := make([]firn.Consumer, 0, s.clients)
	defer func() {
		for _, c := range consumers {
			err = errors.Join(err, c.Close())
		}
	}()
	for i := range s.clients {
		at, err := groupsOf(b.store(i))
		if err != nil {
			return 0, err
		}
		c, err := at.Consume(ctx, name, 0)
		if err != nil {
			return 0, err
		}
		consumers = append(consumers, c)
	}
	return reporting(shards, s.report, func() {
		running, stop := context.WithTimeout(ctx, s.duration)
		defer stop()
		var work sync.WaitGroup
		for i, c := range consumers {
			work.Go(func() { consume(ctx, running, c, &shards[i%len(shards)]) })
		}
		work.Go(func() {
			defer stop()
			if _, err := groups.WaitGroup(running, name, head); err != nil && running.Err() == nil {
				shards[0].fail(err)
			}
		})
		work.Wait()
	}), nil
}

// delivered is a delivery that is not answered yet.
type delivered struct {
	token firn.Token
	at    time.Time
}

// consume takes deliveries until running ends, and answers them.
func consume(ctx, running context.Context, c firn.Consumer, s *shard) {
	came := make(chan delivered, settleMax)
	var settling sync.WaitGroup
	settling.Go(func() { settle(ctx, c, came, s) })
	for d, err := range c.Deliveries(running) {
		if err != nil {
			if running.Err() == nil {
				s.fail(err)
			}
			break
		}
		came <- delivered{d.Token, time.Now()}
	}
	close(came)
	settling.Wait()
}

// settle acknowledges what has come, all that waits at a time.
func settle(ctx context.Context, c firn.Consumer, came <-chan delivered, s *shard) {
	var some []delivered
	var answers []firn.Settlement
	for first := range came {
		some = append(some[:0], first)
		for len(some) < settleMax && len(came) > 0 {
			some = append(some, <-came) // nobody else takes them
		}
		answers = answers[:0]
		for _, d := range some {
			answers = append(answers, firn.Settlement{Token: d.token, Outcome: firn.Ack})
		}
		if err := c.Settle(ctx, answers...); err != nil {
			s.fail(err)
			continue
		}
		for _, d := range some {
			s.add(1, time.Since(d.at))
		}
	}
}

// groupsOf returns the groups that a store keeps.
func groupsOf(store firn.Store) (firn.Groups, error) {
	groups, ok := store.(firn.Groups)
	if !ok {
		return nil, firn.Errorf(firn.ErrInvalid, "the store keeps no groups (%T): there is nothing to measure", store)
	}
	return groups, nil
}
