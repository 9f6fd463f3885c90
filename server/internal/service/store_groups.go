package service

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/group"
	"github.com/firndb/firn/engine/record"
)

func (s store) CreateGroup(ctx context.Context, g firn.Group) (firn.Position, error) {
	return s.service.CreateGroup(ctx, s.actor, firn.NewID(), g)
}

func (s store) UpdateGroup(ctx context.Context, g firn.Group) (firn.Position, error) {
	return s.service.UpdateGroup(ctx, s.actor, firn.NewID(), g)
}

func (s store) DeleteGroup(ctx context.Context, name string) (firn.Position, error) {
	return s.service.DeleteGroup(ctx, s.actor, firn.NewID(), name)
}

func (s store) Groups(ctx context.Context) ([]firn.Group, error) { return s.service.Groups(ctx) }

func (s store) GroupInfo(ctx context.Context, name string) (firn.GroupInfo, error) {
	return s.service.GroupInfo(ctx, name)
}

func (s store) Parked(ctx context.Context, name string) iter.Seq2[firn.ParkedEvent, error] {
	return s.service.Parked(ctx, name)
}

func (s store) Consume(ctx context.Context, name string, inFlight uint32) (firn.Consumer, error) {
	c, err := s.service.Consume(ctx, name, inFlight)
	if err != nil {
		return nil, err
	}
	return consumer{c}, nil
}

func (s store) Replay(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return s.service.Replay(ctx, name, which)
}

func (s store) Drop(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return s.service.Drop(ctx, name, which)
}

func (s store) Rewind(ctx context.Context, name string, to firn.Point, dryRun bool) (firn.Rewound, error) {
	return s.service.Rewind(ctx, name, to, dryRun)
}

func (s store) WaitGroup(ctx context.Context, name string, p firn.Position) (parked uint64, err error) {
	return s.service.WaitGroup(ctx, name, p)
}

// consumer shows a group's consumer as a [firn.Consumer].
type consumer struct{ *Consumer }

func (c consumer) Deliveries(ctx context.Context) iter.Seq2[firn.Delivery, error] {
	return func(yield func(firn.Delivery, error) bool) {
		var decoder record.Decoder
		for {
			// One at a time: what waits here would use up its lease.
			deliveries, err := c.Next(ctx, 1)
			for i := range deliveries {
				d := &deliveries[i]
				var event firn.Event
				if event, err = decoder.Event(d.Stream, bytes.Clone(d.Bytes)); err != nil {
					break
				}
				event.Fault = d.Fault
				if !yield(firn.Delivery{Event: event, Token: d.Token, Attempt: d.Attempt, Replay: d.Replay}, nil) {
					return
				}
			}
			if errors.Is(err, group.ErrClosed) {
				return
			}
			if err != nil {
				yield(firn.Delivery{}, err)
				return
			}
		}
	}
}

func (c consumer) Settle(ctx context.Context, answers ...firn.Settlement) error {
	void, err := c.Consumer.Settle(ctx, answers)
	if err == nil && void > 0 {
		err = firn.Stale(void, len(answers))
	}
	return err
}
