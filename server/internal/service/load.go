package service

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
)

// Load is [firn.Snapshots.Load], with records as they are stored.
func (s *Service) Load(ctx context.Context, q firn.LoadQuery) (engine.Loading, error) {
	if err := firn.CheckStreamName(q.Stream); err != nil {
		return engine.Loading{}, err
	}
	r, err := s.consistent(ctx, q.Consistency)
	if err != nil {
		return engine.Loading{}, err
	}
	return r.Engine.Load(ctx, q, s.options.Now())
}

// SaveSnapshot is [firn.Snapshots.SaveSnapshot], on behalf of an actor.
func (s *Service) SaveSnapshot(ctx context.Context, actor string, kept firn.Snapshot) error {
	if err := kept.Check(); err != nil {
		return err
	}
	_, err := s.propose(ctx, command.AppendItem(nil, &command.Snapshot{
		Actor: []byte(actor), Stream: []byte(kept.Stream), Fold: []byte(kept.Fold), Version: kept.Version,
		Revision: kept.Revision, Partial: kept.Partial, State: kept.State,
	}))
	return err
}
