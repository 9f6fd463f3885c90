package service

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/snapshot/history"
)

const (
	looksMax    = 8               // at once; others wait
	lookTimeMax = 1 * time.Minute // for one
	clockSlack  = 5 * time.Second // by which a caller's clock may be ahead of this node's
)

// look is one look into a stream's past. Fold, upcasters and engine stay the
// same for as long as it takes.
type look struct {
	service *Service
	engine  *engine.Engine
	keeper  *keeper // nil: this node does not lead
	shapes  *shapes
	fold    *snapshot.Declared
	stream  string
}

// look calls see with a look, once there is room for one more. What see does
// ends with ctx, or when it takes too long.
func (s *Service) look(ctx context.Context, q *firn.StateQuery, see func(ctx context.Context, l *look) error) error {
	if err := q.Check(); err != nil {
		return err
	}
	if err := s.checkPast(q.At); err != nil {
		return err
	}
	r, err := s.consistent(ctx, q.Consistency)
	if err != nil {
		return err
	}
	l := &look{service: s, engine: r.Engine, shapes: s.shapes(r.Engine), stream: q.Stream}
	if l.fold, err = l.shapes.fold(q.Stream, q.Fold); err != nil {
		return err
	}
	if lead := s.lead.Load(); lead != nil {
		if term, _ := lead.leading(); term > 0 {
			l.keeper = lead.keeper
		}
	}
	select {
	case s.looks <- struct{}{}:
		defer func() { <-s.looks }()
	case <-ctx.Done():
		return ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, lookTimeMax)
	defer cancel()
	err = see(limited, l)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return firn.Errorf(firn.ErrProgram, "looking into the past of %q with the fold %s was ended after %v; is the fold slow? Ask about an earlier point first, so that snapshots are made", q.Stream, l.fold.Name(), lookTimeMax)
	}
	return err
}

// checkPast refuses a moment that is yet to come.
func (s *Service) checkPast(at firn.Point) error {
	if now := s.options.Now(); at.Kind() == firn.PointMoment && at.Moment().After(now.Add(clockSlack)) {
		return firn.Errorf(firn.ErrInvalid, "%s is in the future: it is %s now", at, now.UTC().Format(time.RFC3339))
	}
	return nil
}

// load returns the state as of a point, and what it was computed from.
func (l *look) load(ctx context.Context, at firn.Point) (engine.Loading, snapshot.Computed, error) {
	q := firn.LoadQuery{Stream: l.stream, Fold: l.fold.Name(), Version: l.fold.Version(nil), Bound: at}
	found, c, err := l.loadAs(ctx, q)
	if found.Snapshot != nil && errors.Is(err, firn.ErrDamaged) {
		// A snapshot that cannot be read is passed over: no fold has the version
		// zero.
		q.Version = firn.FoldVersion{}
		found, c, err = l.loadAs(ctx, q)
	}
	return found, c, err
}

func (l *look) loadAs(ctx context.Context, q firn.LoadQuery) (engine.Loading, snapshot.Computed, error) {
	found, err := l.service.load(ctx, l.engine, l.shapes, q)
	if err != nil {
		return found, snapshot.Computed{}, err
	}
	if l.keeper == nil || q.Version == (firn.FoldVersion{}) {
		c, err := snapshot.Compute(ctx, l.fold, found.Snapshot, events(found.Records))
		return found, c, err
	}
	loaded := firn.Loaded{Snapshot: found.Snapshot, Events: events(found.Records), Partial: found.Partial}
	c, err := snapshot.Policy{}.Keep(ctx, l.fold, found.Version, loaded, func(made firn.Snapshot) error {
		l.keeper.offer(made)
		return nil
	})
	return found, c, err
}

// state returns the state as of a point.
func (l *look) state(ctx context.Context, at firn.Point) (firn.StreamState, error) {
	if at.Kind() == firn.PointStart {
		return l.initial(ctx)
	}
	found, c, err := l.load(ctx, at)
	if err != nil {
		return firn.StreamState{}, err
	}
	return l.describe(ctx, &found, &c)
}

// initial is the state before the first event.
func (l *look) initial(ctx context.Context) (firn.StreamState, error) {
	c, err := snapshot.Compute(ctx, l.fold, nil, func(func(firn.Event, error) bool) {})
	return firn.StreamState{Stream: l.stream, Fold: l.fold.Name(), State: c.State, Empty: true}, err
}

// describe says of a computed state which past it is of.
func (l *look) describe(ctx context.Context, found *engine.Loading, c *snapshot.Computed) (firn.StreamState, error) {
	s := firn.StreamState{
		Stream: l.stream, Fold: l.fold.Name(), State: c.State,
		Revision: c.Revision, Position: c.Position, Time: c.Time, Empty: c.Empty,
		Begun: found.Begun, Past: found.Position, Open: found.Open, Partial: found.Partial,
	}
	if c.Empty || c.Events > 0 {
		return s, nil
	}
	// The snapshot does not know when its last event was. Where that is hidden
	// since, nobody does.
	p := past{look: l, end: uint64(c.Revision) + 1, at: firn.PositionPoint(found.Position)}
	for e, err := range p.Events(ctx, uint64(c.Revision), p.end) {
		if err != nil {
			return s, err
		}
		s.Position, s.Time = e.Position, e.Time
	}
	return s, nil
}

// past returns the past as of a point, which does not move, and the state at its
// end.
func (l *look) past(ctx context.Context, at firn.Point) (*history.Past, firn.StreamState, error) {
	if at.Kind() == firn.PointStart {
		s, err := l.initial(ctx)
		return &history.Past{Fold: l.fold, Source: &past{look: l}}, s, err
	}
	found, c, err := l.load(ctx, at)
	if err != nil {
		return nil, firn.StreamState{}, err
	}
	s, err := l.describe(ctx, &found, &c)
	end := uint64(found.Revision) + 1
	return &history.Past{
		Fold: l.fold, Begin: uint64(found.First), End: end,
		Source: &past{look: l, begun: uint64(found.Begun), end: end, at: firn.PositionPoint(found.Position), last: c},
	}, s, err
}

// past is what a look sees as of a point.
type past struct {
	*look
	begun uint64 // the revision with which the stream began
	end   uint64
	at    firn.Point        // which the end is as of
	last  snapshot.Computed // the state at the end, where it is known
}

func (p *past) point(end uint64) firn.Point {
	if end >= p.end {
		return p.at
	}
	return firn.RevisionPoint(firn.Revision(end - 1))
}

// State is [history.Source.State].
func (p *past) State(ctx context.Context, end uint64) (snapshot.Computed, error) {
	switch {
	case end <= p.begun:
		return snapshot.Compute(ctx, p.fold, nil, func(func(firn.Event, error) bool) {})
	case end >= p.end && p.last.State != nil:
		return p.last, nil
	}
	_, c, err := p.load(ctx, p.point(end))
	return c, err
}

// Events is [history.Source.Events].
func (p *past) Events(ctx context.Context, from, end uint64) iter.Seq2[firn.Event, error] {
	q := firn.Query{Stream: p.stream, From: firn.RevisionPoint(firn.Revision(from)), Bound: p.point(end)}
	asked, again, err := p.shapes.asked(q)
	if err != nil {
		return func(yield func(firn.Event, error) bool) { yield(firn.Event{}, err) }
	}
	return p.service.readAs(ctx, p.engine, p.shapes, &q, asked, again)
}
