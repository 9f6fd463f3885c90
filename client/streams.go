package client

import (
	"context"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// Stream describes a stream as of a point; see [firn.Store].
func (c *Client) Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error) {
	m, err := ask[*wire.StreamInfo](ctx, c, &request{}, &wire.Stream{Name: name, At: at})
	if err != nil {
		return firn.StreamInfo{}, err
	}
	return m.Info, nil
}

// Streams yields the streams that the query selects; see [firn.Store]. When a
// connection is lost, it goes on after the last name that it has yielded.
func (c *Client) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return func(yield func(firn.StreamInfo, error) bool) {
		if err := q.Check(); err != nil {
			yield(firn.StreamInfo{}, err)
			return
		}
		if err := ctx.Err(); err != nil {
			yield(firn.StreamInfo{}, err)
			return
		}
		t := c.newTries(local(q.Consistency), "")
		limited := q.Limit > 0
		for {
			over, err := listing(ctx, &t, &q, yield)
			if over || limited && q.Limit == 0 {
				return
			}
			if !t.again(ctx, err) {
				yield(firn.StreamInfo{}, t.failure(ctx, err, &request{}))
				return
			}
		}
	}
}

// listing makes one attempt and keeps in q what is left of the list.
func listing(ctx context.Context, t *tries, q *firn.StreamQuery, yield func(firn.StreamInfo, error) bool) (over bool, err error) {
	m := wire.Streams{Query: *q, Credit: uint64(t.client.o.WindowBytes)}
	f, err := t.begin(ctx, wire.KindStreams, m.AppendBody(nil))
	if err != nil {
		return false, err
	}
	defer f.end()
	for {
		got, err := f.next(ctx, t.deadline)
		if err != nil {
			return false, err
		}
		if got.kind == wire.KindEnd {
			return true, nil
		}
		var list wire.StreamList
		if got.kind != wire.KindStreamList {
			return false, firn.Errorf(firn.ErrInternal, "the node answered a list of streams with %v", got.kind)
		}
		if err := wire.ParseInto(&list, got.body); err != nil {
			return false, err
		}
		for _, info := range list.Infos {
			q.After = info.Name
			if q.Limit > 0 {
				q.Limit--
			}
			if !yield(info, nil) {
				return true, nil
			}
		}
		t.progress()
		if t.local && t.pinned == "" {
			t.pinned = t.address // another node may be behind this one
		}
	}
}
