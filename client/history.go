package client

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

var _ firn.History = (*Client)(nil)

// State returns the state of a stream, computed by the node; see [firn.History].
func (c *Client) State(ctx context.Context, q firn.StateQuery) (firn.StreamState, error) {
	m, err := look[*wire.StateIs](ctx, c, &q, &wire.State{Query: q})
	if err != nil {
		return firn.StreamState{}, err
	}
	return m.State, nil
}

// Diff returns what changed between two points; see [firn.History].
func (c *Client) Diff(ctx context.Context, q firn.DiffQuery) (firn.StateDiff, error) {
	of := firn.StateQuery{Stream: q.Stream, Fold: q.Fold, Consistency: q.Consistency}
	m, err := look[*wire.DiffIs](ctx, c, &of, &wire.Diff{Query: q})
	if err != nil {
		return firn.StateDiff{}, err
	}
	return m.Diff, nil
}

// Blame says which events gave the fields of a state their values; see
// [firn.History].
func (c *Client) Blame(ctx context.Context, q firn.BlameQuery) (firn.Blame, error) {
	m, err := look[*wire.BlameIs](ctx, c, &q.StateQuery, &wire.Blame{Query: q})
	if err != nil {
		return firn.Blame{}, err
	}
	return m.Blame, nil
}

// Bisect finds the first event after which a condition holds; see
// [firn.History].
func (c *Client) Bisect(ctx context.Context, q firn.BisectQuery) (firn.Bisected, error) {
	m, err := look[*wire.Bisected](ctx, c, &q.StateQuery, &wire.Bisect{Query: q})
	if err != nil {
		return firn.Bisected{}, err
	}
	return m.Bisected, nil
}

func look[A wire.Message](ctx context.Context, c *Client, q *firn.StateQuery, m wire.Message) (a A, err error) {
	if err := q.Check(); err != nil {
		return a, err
	}
	return ask[A](ctx, c, &request{local: local(q.Consistency)}, m)
}
