package service

import (
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/engine/subscription"
)

// Records yields the selected events as they are stored, for a door that
// passes them on. A record's bytes are valid until the next step.
func (s *Service) Records(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
	return read(ctx, s, &q, func(e *engine.Engine, sh *shapes, asked firn.Query, again bool) iter.Seq2[record.Stored, error] {
		records := e.Records(ctx, asked, s.options.Now())
		if q.Raw || !sh.any {
			return records
		}
		p := shaper{sh: sh}
		return shown(&q, again, records, func(stored *record.Stored) (typ string, err error) {
			*stored, typ, err = p.record(ctx, *stored)
			return typ, err
		})
	})
}

// Read is [firn.Store.Read].
func (s *Service) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	return read(ctx, s, &q, func(e *engine.Engine, sh *shapes, asked firn.Query, again bool) iter.Seq2[firn.Event, error] {
		return s.readAs(ctx, e, sh, &q, asked, again)
	})
}

// readAs yields what a query selects, which the engine is asked as another.
func (s *Service) readAs(ctx context.Context, e *engine.Engine, sh *shapes, q *firn.Query, asked firn.Query, again bool) iter.Seq2[firn.Event, error] {
	events := e.Read(ctx, asked, s.options.Now())
	if q.Raw || !sh.any {
		return events
	}
	return shown(q, again, events, func(e *firn.Event) (string, error) {
		err := sh.event(ctx, e)
		return e.Type, err
	})
}

// shown yields what the query selects of events that show brings into today's
// shape, and returns the type of.
func shown[T any](q *firn.Query, again bool, all iter.Seq2[T, error], show func(*T) (string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := q.Limit
		for event, err := range all {
			var typ string
			if err == nil {
				typ, err = show(&event)
			}
			if err == nil && again && !q.WantsType(typ) {
				continue
			}
			if !yield(event, err) || err != nil {
				return
			}
			if left--; again && left == 0 && q.Limit > 0 {
				return
			}
		}
	}
}

func read[T any](ctx context.Context, s *Service, q *firn.Query, from func(e *engine.Engine, sh *shapes, asked firn.Query, again bool) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := q.Check(); err != nil {
			yield(none, err)
			return
		}
		r, err := s.serving(ctx, q)
		if err != nil {
			yield(none, err)
			return
		}
		if err := subscription.CheckHistory(r.Engine, q.History); err != nil {
			yield(none, err)
			return
		}
		sh := s.shapes(r.Engine)
		asked, again, err := sh.asked(*q)
		if err != nil {
			yield(none, err)
			return
		}
		from(r.Engine, sh, asked, again)(yield)
	}
}

// Stream is [firn.Store.Stream], at a consistency.
func (s *Service) Stream(ctx context.Context, name string, at firn.Point, c firn.Consistency) (firn.StreamInfo, error) {
	if err := firn.CheckStreamName(name); err != nil {
		return firn.StreamInfo{}, err
	}
	r, err := s.consistent(ctx, c)
	if err != nil {
		return firn.StreamInfo{}, err
	}
	return r.Engine.Stream(ctx, name, at, s.options.Now())
}

// Streams is [firn.Store.Streams].
func (s *Service) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return func(yield func(firn.StreamInfo, error) bool) {
		if err := q.Check(); err != nil {
			yield(firn.StreamInfo{}, err)
			return
		}
		r, err := s.consistent(ctx, q.Consistency)
		if err != nil {
			yield(firn.StreamInfo{}, err)
			return
		}
		r.Engine.Streams(ctx, q, s.options.Now())(yield)
	}
}

// Head is [firn.Store.Head].
func (s *Service) Head(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error) {
	r, err := s.consistent(ctx, c)
	if err != nil {
		return 0, time.Time{}, err
	}
	position, at := r.Engine.Head()
	return position, at, nil
}

// Resolve turns a position or a moment into a position, once, so that several
// calls can ask about one consistent past. open says that later events could
// still fall into the moment.
func (s *Service) Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (position firn.Position, open bool, err error) {
	r, err := s.consistent(ctx, c)
	if err != nil {
		return 0, false, err
	}
	return r.Engine.Resolve(p, s.options.Now())
}

// Stats returns the figures of this node's store.
func (s *Service) Stats(ctx context.Context, c firn.Consistency) (engine.Stats, error) {
	r, err := s.consistent(ctx, c)
	if err != nil {
		return engine.Stats{}, err
	}
	stats, err := r.Engine.Stats()
	stats.Scavengeable = s.scavengeable()
	return stats, err
}

// Verify checks every invariant of this node's store.
func (s *Service) Verify(ctx context.Context, progress func(done, total uint64)) (engine.Report, error) {
	r, err := s.current()
	if err != nil {
		return engine.Report{}, err
	}
	return r.Engine.Verify(ctx, progress)
}
