package service

import (
	"context"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/subscription"
)

// Follow opens a subscription, for a door that passes it on and closes it in
// the end. It ends with ErrUnavailable where the replica below is taken away.
func (s *Service) Follow(ctx context.Context, q firn.Query) (*subscription.Subscription, error) {
	if err := q.CheckSubscribe(); err != nil {
		return nil, err
	}
	r, err := s.consistent(ctx, q.Consistency)
	if err != nil {
		return nil, err
	}
	o := subscription.Options{Now: s.options.Now, Closed: func() { s.subscriptions.Add(-1) }}
	follower, err := subscription.Open(r.Engine, q, o)
	if err == nil {
		s.subscriptions.Add(1)
	}
	return follower, err
}

// Subscriptions returns how many subscriptions are open, by whichever door.
func (s *Service) Subscriptions() int { return int(s.subscriptions.Load()) }

// Subscribe is [firn.Store.Subscribe].
func (s *Service) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return subscription.Messages(ctx, func() (*subscription.Subscription, error) { return s.Follow(ctx, q) })
}
