package service

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// pastOf waits for what a consistency asks for, and says why the caller may not
// look into a stream's past, with a fold where one is named; or nil.
func (g Guard) pastOf(ctx context.Context, stream, fold string, c *firn.Consistency) error {
	if err := firn.CheckStreamName(stream); err != nil {
		return err
	}
	if err := g.current(ctx, c); err != nil {
		return err
	}
	on, err := g.may(ctx, firn.RoleRead, "read the stream", stream)
	if err != nil || fold == "" || fold == firn.MergeFold || on.user.Everything() {
		return err
	}
	r, err := g.s.current()
	if err != nil {
		return err
	}
	sh := g.s.shapes(r.Engine)
	if f := sh.folds[fold]; f == nil || !on.user.OverlapsCategory(f.Category()) {
		return sh.noFold(fold, on.user.OverlapsCategory)
	}
	return nil
}

// Load is [Service.Load].
func (g Guard) Load(ctx context.Context, q firn.LoadQuery) (engine.Loading, error) {
	if err := g.pastOf(ctx, q.Stream, "", &q.Consistency); err != nil {
		return engine.Loading{}, err
	}
	return g.s.Load(ctx, q)
}

// State is [Service.State].
func (g Guard) State(ctx context.Context, q firn.StateQuery) (firn.StreamState, error) {
	if err := g.pastOf(ctx, q.Stream, q.Fold, &q.Consistency); err != nil {
		return firn.StreamState{}, err
	}
	return g.s.State(ctx, q)
}

// Diff is [Service.Diff].
func (g Guard) Diff(ctx context.Context, q firn.DiffQuery) (firn.StateDiff, error) {
	if err := g.pastOf(ctx, q.Stream, q.Fold, &q.Consistency); err != nil {
		return firn.StateDiff{}, err
	}
	return g.s.Diff(ctx, q)
}

// Blame is [Service.Blame].
func (g Guard) Blame(ctx context.Context, q firn.BlameQuery) (firn.Blame, error) {
	if err := g.pastOf(ctx, q.Stream, q.Fold, &q.Consistency); err != nil {
		return firn.Blame{}, err
	}
	return g.s.Blame(ctx, q)
}

// Bisect is [Service.Bisect].
func (g Guard) Bisect(ctx context.Context, q firn.BisectQuery) (firn.Bisected, error) {
	if err := g.pastOf(ctx, q.Stream, q.Fold, &q.Consistency); err != nil {
		return firn.Bisected{}, err
	}
	return g.s.Bisect(ctx, q)
}
