package client

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// Append appends the writes in one atomic step; see [firn.Store]. Drafts
// without an id get one, which the answer and an ErrUnknown carry.
func (c *Client) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	body := wire.NewBuffer(estimate(writes))
	defer body.Free()
	return c.append(ctx, wire.KindAppend, body, wire.BeginAppend(body.B, len(writes)), writes)
}

// AppendAt is Append for events with a time of their own; see [firn.Dated].
func (c *Client) AppendAt(ctx context.Context, at time.Time, writes ...firn.Write) (firn.Appended, error) {
	if err := firn.CheckAppendTime(at); err != nil {
		return firn.Appended{}, err
	}
	body := wire.NewBuffer(estimate(writes))
	defer body.Free()
	return c.append(ctx, wire.KindAppendAt, body, wire.BeginAppendAt(body.B, at, len(writes)), writes)
}

// append makes the call whose body w has begun.
func (c *Client) append(ctx context.Context, kind wire.Kind, body *wire.Buffer, w wire.AppendWriter, writes []firn.Write) (firn.Appended, error) {
	if err := ctx.Err(); err != nil {
		return firn.Appended{}, err
	}
	ids, err := c.encodeAppend(ctx, w, body, writes)
	if err != nil {
		return firn.Appended{}, err
	}
	r := &request{kind: kind, body: body.B, changes: true, ids: ids}
	for i := range writes {
		if r.stream == "" || len(writes[i].Drafts) > 0 {
			r.stream = writes[i].Stream
		}
	}
	m, err := c.call(ctx, r)
	if err != nil {
		return firn.Appended{}, err
	}
	done, ok := m.(*wire.Appended)
	if !ok {
		return firn.Appended{}, unexpected(r.kind, m)
	}
	return appended(done, writes, ids)
}

// estimate is about how many bytes the encoded writes take.
func estimate(writes []firn.Write) int {
	bytes := 16
	for i := range writes {
		bytes += 32 + len(writes[i].Stream)
		for j := range writes[i].Drafts {
			d := &writes[i].Drafts[j]
			bytes += 128 + len(d.Type) + len(d.Data) + len(d.Metadata)
		}
	}
	return bytes
}

// encodeAppend encodes the writes into body, once for all attempts, and returns
// the ids of all drafts in order.
func (c *Client) encodeAppend(ctx context.Context, w wire.AppendWriter, body *wire.Buffer, writes []firn.Write) ([]firn.ID, error) {
	events := 0
	for i := range writes {
		events += len(writes[i].Drafts)
	}
	if events > firn.AppendEventsMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "an append of %d events; at most %d are allowed", events, firn.AppendEventsMax)
	}
	ids := make([]firn.ID, 0, events)
	bytes := 0
	for i := range writes {
		if err := firn.CheckStreamName(writes[i].Stream); err != nil {
			return nil, err
		}
		w.Write(writes[i].Stream, writes[i].Expect, len(writes[i].Drafts))
		for j := range writes[i].Drafts {
			d := writes[i].Drafts[j] // a copy: the caller's stays as it is
			d.Complete(ctx)
			d.SetActor(c.o.Actor)
			if err := record.CheckDraft(&d); err != nil {
				return nil, err
			}
			ids = append(ids, d.ID)
			bytes += w.Record(&d)
			if bytes > firn.AppendBytesMax {
				return nil, firn.Errorf(firn.ErrTooLarge, "an append of more than %d bytes, which is the limit; split it", firn.AppendBytesMax)
			}
		}
	}
	body.B = w.Buf
	return ids, nil
}

// appended joins what travelled with what the request said.
func appended(m *wire.Appended, writes []firn.Write, ids []firn.ID) (firn.Appended, error) {
	done := firn.Appended{Position: m.Position, Time: m.Time, Repeated: m.Repeated}
	at := 0
	for i := range writes {
		n := len(writes[i].Drafts)
		if n == 0 {
			continue
		}
		if at >= len(m.Writes) {
			break
		}
		w := m.Writes[at]
		at++
		done.Writes = append(done.Writes, firn.Written{
			Stream:        writes[i].Stream,
			FirstRevision: w.FirstRevision, LastRevision: w.LastRevision,
			FirstPosition: w.FirstPosition, LastPosition: w.LastPosition,
			IDs: ids[:n:n],
		})
		ids = ids[n:]
	}
	if at != len(m.Writes) || len(ids) > 0 {
		return done, firn.Errorf(firn.ErrInternal, "the node answered for %d writes of an append, which do not match those sent", len(m.Writes))
	}
	return done, nil
}

func unexpected(asked wire.Kind, m wire.Message) error {
	return firn.Errorf(firn.ErrInternal, "the node answered %v with %v", asked, m.Kind())
}
