package client

import (
	"context"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

var _ firn.Snapshots = (*Client)(nil)

// SaveSnapshot keeps a snapshot; see [firn.Snapshots]. It is sent again where
// the answer was lost: the same snapshot twice is one.
func (c *Client) SaveSnapshot(ctx context.Context, s firn.Snapshot) error {
	if err := s.Check(); err != nil {
		return err
	}
	r := &request{changes: true, stream: s.Stream}
	_, err := ask[*wire.Plain](ctx, c, r, &wire.SaveSnapshot{Snapshot: s})
	return err
}

// Load finds the newest snapshot that fits and the events behind it, in one
// round trip; see [firn.Snapshots]. Where the connection is lost on the way, the
// events that are left are read again, as of the same position.
func (c *Client) Load(ctx context.Context, q firn.LoadQuery) (firn.Loaded, error) {
	if err := firn.CheckStreamName(q.Stream); err != nil {
		return firn.Loaded{}, err
	}
	if err := ctx.Err(); err != nil {
		return firn.Loaded{}, err
	}
	t := c.newTries(local(q.Consistency), "")
	for {
		f, found, err := c.beginLoad(ctx, &t, &q)
		if err == nil {
			return c.loaded(ctx, &q, &t, f, found), nil
		}
		if !t.again(ctx, err) {
			return firn.Loaded{}, t.failure(ctx, err, &request{})
		}
	}
}

func (c *Client) beginLoad(ctx context.Context, t *tries, q *firn.LoadQuery) (*flow, *wire.Loaded, error) {
	m := wire.Load{Query: *q, Credit: uint64(c.o.WindowBytes)}
	f, err := t.begin(ctx, wire.KindLoad, m.AppendBody(nil))
	if err != nil {
		return nil, nil, err
	}
	got, err := f.next(ctx, t.deadline)
	if err == nil && got.kind != wire.KindLoaded {
		err = firn.Errorf(firn.ErrInternal, "the node answered a load with %v", got.kind)
	}
	found := new(wire.Loaded)
	if err == nil {
		err = wire.ParseInto(found, got.body)
	}
	if err != nil {
		f.end()
		return nil, nil, err
	}
	return f, found, nil
}

// loaded makes the answer, whose events are still to come.
func (c *Client) loaded(ctx context.Context, q *firn.LoadQuery, t *tries, f *flow, found *wire.Loaded) firn.Loaded {
	stop := context.AfterFunc(ctx, f.end) // where nobody walks through the events
	if s := found.Snapshot; s != nil {
		s.Stream, s.Version = q.Stream, found.Version
	}
	return firn.Loaded{
		Snapshot: found.Snapshot, Version: found.Version, Revision: found.Revision, Position: found.Position, Open: found.Open, Partial: found.Partial,
		Events: func(yield func(firn.Event, error) bool) {
			defer f.end()
			defer stop()
			c.tail(ctx, q, t, f, found)(yield)
		},
	}
}

// tail yields the events of a load.
func (c *Client) tail(ctx context.Context, q *firn.LoadQuery, t *tries, f *flow, found *wire.Loaded) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		r := reading{yield: yield, query: firn.Query{
			Stream: q.Stream, Bound: firn.PositionPoint(found.Position), Raw: q.Raw,
			Consistency: firn.Consistency{AtLeast: found.Position}, // of any node that has come so far
		}}
		if found.Snapshot != nil {
			r.query.From = firn.RevisionPoint(found.Snapshot.Revision + 1)
		}
		over, err := r.frames(ctx, t, f)
		if over {
			return
		}
		if !t.again(ctx, err) {
			yield(firn.Event{}, t.failure(ctx, err, &request{}))
			return
		}
		if r.count > 0 {
			r.query.From = firn.RevisionPoint(r.revision + 1)
		}
		c.Read(ctx, r.query)(yield)
	}
}
