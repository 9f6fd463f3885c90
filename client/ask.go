package client

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// ask sends a message and returns the answer, which must be an A. r says what
// sort of call it is; its kind and body come from the message.
func ask[A wire.Message](ctx context.Context, c *Client, r *request, m wire.Message) (a A, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	r.kind, r.body = m.Kind(), m.AppendBody(nil)
	got, err := c.call(ctx, r)
	if err != nil {
		return a, err
	}
	a, ok := got.(A)
	if !ok {
		return a, unexpected(r.kind, got)
	}
	return a, nil
}

// Change changes a stream as a whole; see [firn.Store]. The id of the event
// that records it is made once, so that a repetition by the client changes
// nothing twice.
func (c *Client) Change(ctx context.Context, stream string, expect firn.Expectation, change firn.Life) (firn.Position, error) {
	return c.ChangeWithID(ctx, firn.NewID(), stream, expect, change)
}

// ChangeWithID is Change with an id of the caller's own, by which an ErrUnknown
// can be repeated safely.
func (c *Client) ChangeWithID(ctx context.Context, id firn.ID, stream string, expect firn.Expectation, change firn.Life) (firn.Position, error) {
	if change == nil {
		return 0, firn.Errorf(firn.ErrInvalid, "no change is given; give one of firn.Delete, Tombstone, Truncate, Limits and Metadata")
	}
	if id.IsZero() {
		return 0, firn.Errorf(firn.ErrInvalid, "a change needs an id; firn.NewID makes one")
	}
	if err := firn.CheckStreamName(stream); err != nil {
		return 0, err
	}
	if limits, ok := change.(firn.Limits); ok && limits.MaxAge < 0 {
		return 0, firn.Errorf(firn.ErrInvalid, "the greatest age is %v; give one of 0 (no limit) or more", limits.MaxAge)
	}
	r := &request{changes: true, stream: stream, ids: []firn.ID{id}}
	m, err := ask[*wire.Changed](ctx, c, r, &wire.Change{Stream: stream, ID: id, Expect: expect, Life: change})
	if err != nil {
		return 0, err
	}
	return m.Position, nil
}

// Head returns the last position that readers may see; see [firn.Store].
func (c *Client) Head(ctx context.Context, consistency firn.Consistency) (firn.Position, time.Time, error) {
	m, err := ask[*wire.HeadAt](ctx, c, &request{local: local(consistency)}, &wire.Head{Consistency: consistency})
	if err != nil {
		return 0, time.Time{}, err
	}
	return m.Position, m.Time, nil
}

// Resolve returns the last position that is not after a point in time, 0 where
// there is none. open says that events yet to come could still fall into the
// moment.
func (c *Client) Resolve(ctx context.Context, p firn.Point, consistency firn.Consistency) (at firn.Position, open bool, err error) {
	m, err := ask[*wire.Resolved](ctx, c, &request{local: local(consistency)}, &wire.Resolve{Point: p, Consistency: consistency})
	if err != nil {
		return 0, false, err
	}
	return m.Position, m.Open, nil
}
