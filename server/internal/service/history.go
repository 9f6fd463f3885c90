package service

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot/history"
)

// State is [firn.History.State].
func (s *Service) State(ctx context.Context, q firn.StateQuery) (state firn.StreamState, err error) {
	err = s.look(ctx, &q, func(ctx context.Context, l *look) error {
		state, err = l.state(ctx, q.At)
		return err
	})
	return state, err
}

// Diff is [firn.History.Diff].
func (s *Service) Diff(ctx context.Context, q firn.DiffQuery) (d firn.StateDiff, err error) {
	if err := s.checkPast(q.From); err != nil {
		return d, err
	}
	of := firn.StateQuery{Stream: q.Stream, Fold: q.Fold, At: q.To, Consistency: q.Consistency}
	err = s.look(ctx, &of, func(ctx context.Context, l *look) error {
		if d.From, err = l.state(ctx, q.From); err != nil {
			return err
		}
		if d.To, err = l.state(ctx, q.To); err != nil {
			return err
		}
		d.Patch, err = history.Diff(d.From.State, d.To.State)
		d.From.State, d.To.State = nil, nil
		return err
	})
	return d, err
}

// Blame is [firn.History.Blame].
func (s *Service) Blame(ctx context.Context, q firn.BlameQuery) (b firn.Blame, err error) {
	err = s.look(ctx, &q.StateQuery, func(ctx context.Context, l *look) error {
		p, state, err := l.past(ctx, q.At)
		if err != nil {
			return err
		}
		state.State = nil
		b.State = state
		b.Fields, err = p.Blame(ctx, q.Path)
		return err
	})
	return b, err
}

// Bisect is [firn.History.Bisect].
func (s *Service) Bisect(ctx context.Context, q firn.BisectQuery) (b firn.Bisected, err error) {
	condition, err := history.NewCondition(q.Where)
	if err != nil {
		return b, err
	}
	err = s.look(ctx, &q.StateQuery, func(ctx context.Context, l *look) error {
		p, state, err := l.past(ctx, q.At)
		if err != nil {
			return err
		}
		search := p.Bisect
		if q.Scan {
			search = p.Scan
		}
		b, err = search(ctx, condition)
		state.State = nil
		b.State = state
		return err
	})
	return b, err
}
