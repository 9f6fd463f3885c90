package engine

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// source yields the visible events that a query is about, in its order, a
// batch at a time; the types wanted are not looked at. It is filled between
// enter and leave and holds nothing of Pebble's in between, so a consumer who
// is slow, or never comes back, keeps nothing open.
type source interface {
	// fill returns the next events, at most about want of them. None means
	// that there are no more. The batch is valid until the next call; the
	// records' bytes are never changed.
	fill(ctx context.Context, l *lookup, want int) ([]located, error)
}

// batchEvents and batchBytes are about how much a source yields at once.
const (
	batchEvents = 256
	batchBytes  = 64 << 10
)

// Read yields the events that the query selects. now is the caller's clock,
// which ages are measured by where the query names no bound. The events' bytes
// are the caller's to keep.
func (e *Engine) Read(ctx context.Context, q firn.Query, now time.Time) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		var decoder record.Decoder
		for found, err := range e.read(ctx, q, now) {
			var event firn.Event
			if err == nil {
				event, err = decoder.Join(found.stream, &found.node, bytes.Clone(found.client))
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Records yields what Read yields, as it is stored. The bytes are valid until
// the next step.
func (e *Engine) Records(ctx context.Context, q firn.Query, now time.Time) iter.Seq2[record.Stored, error] {
	return func(yield func(record.Stored, error) bool) {
		for found, err := range e.read(ctx, q, now) {
			stored, err := whole(found, err)
			if !yield(stored, err) || err != nil {
				return
			}
		}
	}
}

// whole is an event as it is stored, once its client part is verified too.
func whole(found *located, err error) (record.Stored, error) {
	if err != nil {
		return record.Stored{}, err
	}
	if _, damage := record.ParseDraft(found.client); damage != nil {
		return record.Stored{}, damagedRecord(&found.node, found.stream, damage)
	}
	return record.Stored{Stream: found.stream, Position: found.node.Position, Bytes: found.stored}, nil
}

// read yields what the query selects. The node part of each is verified, the
// client part is not.
func (e *Engine) read(ctx context.Context, q firn.Query, now time.Time) iter.Seq2[*located, error] {
	return func(yield func(*located, error) bool) {
		s := e.seen.Load()
		src, err := e.source(s, &q, now)
		if err != nil {
			yield(nil, damage(err))
			return
		}
		e.drain(ctx, s, src, &q)(yield)
	}
}

// drain yields what is left of a source, nil for nothing, of the query's types
// and up to its limit.
func (e *Engine) drain(ctx context.Context, s *seen, src source, q *firn.Query) iter.Seq2[*located, error] {
	return func(yield func(*located, error) bool) {
		var err error
		left, types := q.Limit, typesOf(q)
		for err == nil && src != nil {
			want := batchEvents
			if q.Limit > 0 && left < uint64(want) && types.all() {
				want = int(left)
			}
			var batch []located
			if batch, err = e.fill(ctx, s, src, want); err != nil || len(batch) == 0 {
				break
			}
			for i := range batch {
				ok := true
				if ok, err = ofTypes(&batch[i], &types); err != nil {
					break
				}
				if !ok {
					continue
				}
				if !yield(&batch[i], nil) {
					return
				}
				if left--; left == 0 && q.Limit > 0 {
					return
				}
			}
		}
		if err != nil {
			yield(nil, damage(err))
		}
	}
}

func (e *Engine) fill(ctx context.Context, s *seen, src source, want int) ([]located, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	l := lookup{db: e.db, s: s}
	defer l.close()
	return src.fill(ctx, &l, want)
}

// source returns what answers a query, nil where nothing can.
func (e *Engine) source(s *seen, q *firn.Query, now time.Time) (source, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	l := lookup{db: e.db, s: s}
	defer l.close()
	b, err := l.bound(q.Bound, q.Stream, now)
	if err != nil {
		return nil, err
	}
	if q.Stream != "" {
		return newStreamSource(&l, q, b)
	}
	left, err := l.begin(q.From, q.Backwards, b.position)
	if err != nil || left.from > left.to {
		return nil, err
	}
	if q.ByID() {
		return newIDSource(q, b, left), nil
	}
	return newScanSource(e, q, b, left), nil
}

// ofTypes reports whether the event is of a type that is wanted.
func ofTypes(found *located, types *typeFilter) (bool, error) {
	if types.all() {
		return true, nil
	}
	d, err := record.ParseDraft(found.client)
	if err != nil {
		return false, damagedRecord(&found.node, found.stream, err)
	}
	return types.wants(d.Type), nil
}
