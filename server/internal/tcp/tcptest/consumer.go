package tcptest

import (
	"context"
	"slices"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/wire"
)

// consumer is a consumer of a group in memory.
type consumer struct {
	groups   *MemoryGroups
	name     string
	inFlight uint32
	leaving  bool // guarded by the groups' mu
}

var _ tcp.Consumer = (*consumer)(nil)

func (g *MemoryGroups) Consume(ctx context.Context, name string, inFlight uint32) (tcp.Consumer, error) {
	c := &consumer{groups: g, name: name, inFlight: inFlight}
	return c, g.look(ctx, name, func(one *group) error {
		if c.inFlight == 0 || c.inFlight > one.is.InFlight {
			c.inFlight = one.is.InFlight
		}
		one.consumers[c] = true
		return nil
	})
}

func (c *consumer) Next(ctx context.Context, most int) (due []wire.Delivery, err error) {
	err = wait(ctx, func() (bool, error) {
		err := c.groups.look(ctx, c.name, func(one *group) error {
			if !one.consumers[c] {
				return firn.Errorf(firn.ErrUnavailable, "the consumer is closed")
			}
			due = c.take(one, most)
			return nil
		})
		return len(due) > 0, err
	})
	return due, err
}

// take hands the consumer what is due, as far as it may hold more.
func (c *consumer) take(one *group, most int) (due []wire.Delivery) {
	if c.leaving {
		return nil
	}
	held := uint32(0)
	for _, e := range one.entries {
		if e.held == c {
			held++
		}
	}
	now := time.Now()
	blocked := map[string]bool{}
	for _, e := range one.entries {
		if held == c.inFlight || len(due) == most {
			break
		}
		waits := blocked[e.event.Stream] && !one.is.Unordered
		if e.parked.IsZero() || one.is.OnPark == firn.ParkStops {
			blocked[e.event.Stream] = true
		}
		if waits || !e.parked.IsZero() || e.held != nil || now.Before(e.due) {
			continue
		}
		held++
		c.groups.number++
		e.attempts++
		e.held, e.lease = c, now.Add(one.is.Lease)
		e.token = firn.Token{Epoch: c.groups.epoch, Number: c.groups.number}
		due = append(due, wire.Delivery{Stream: e.event.Stream, Token: e.token, Attempt: e.attempts, Replay: e.replay, Record: record.Encode(&e.event)})
	}
	return due
}

func (c *consumer) Settle(ctx context.Context, answers []firn.Settlement) (void int, err error) {
	err = c.groups.look(ctx, c.name, func(one *group) error {
		for _, a := range answers {
			at := slices.IndexFunc(one.entries, func(e *entry) bool { return e.held == c && e.token == a.Token })
			if at < 0 {
				void++
				continue
			}
			e := one.entries[at]
			switch a.Outcome {
			case firn.Ack, firn.Skip:
				one.remove(e)
			case firn.RetryLater:
				one.again(e, a.Reason, a.Delay)
			case firn.GiveBack:
				e.held, c.leaving = nil, true
				e.attempts--
			case firn.Park:
				e.held, e.parked, e.reason = nil, time.Now(), a.Reason
			}
		}
		return nil
	})
	return void, err
}

func (c *consumer) Close() error {
	c.groups.mu.Lock()
	defer c.groups.mu.Unlock()
	if one := c.groups.groups[c.name]; one != nil {
		one.release(c)
		delete(one.consumers, c)
	}
	return nil
}
