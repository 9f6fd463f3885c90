package service

import (
	"context"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/engine/subscription"
	"github.com/firndb/firn/internal/planted"
)

// Following is a subscription whose events are in today's shape. It is for one
// goroutine at a time.
type Following struct {
	*subscription.Subscription

	// Set by Follow, then read only.
	service *Service
	engine  *engine.Engine
	q       firn.Query // as the caller asked, and may see
	watch   *watch     // nil: on nobody's behalf

	p      shaper
	again  bool          // events are to be looked at again once they are in today's shape
	passed firn.Position // the subscriber knows that everything up to here was sent; 0: nothing yet
	last   firn.Position // of the last event that was sent
	events []record.Stored
}

// Follow opens a subscription, for a door that passes it on and closes it in
// the end. It ends with ErrUnavailable where the replica below is taken away.
func (s *Service) Follow(ctx context.Context, q firn.Query) (*Following, error) {
	if err := q.CheckSubscribe(); err != nil {
		return nil, err
	}
	return s.follow(ctx, q, nil)
}

func (s *Service) follow(ctx context.Context, q firn.Query, w *watch) (*Following, error) {
	if planted.Is(planted.LagsCaughtUp) { // a replica's own end counts as the end
		q.Consistency = firn.Consistency{Local: true}
	}
	r, err := s.serving(ctx, &q)
	if err != nil {
		return nil, err
	}
	f := &Following{service: s, engine: r.Engine, q: q, watch: w}
	return f, f.open()
}

// open begins the subscription, or begins it again behind what was passed, by
// the definitions that are in force.
func (f *Following) open() error {
	f.p.sh = f.service.shapes(f.engine)
	asked, again, err := f.p.sh.asked(f.q)
	if err != nil {
		return err
	}
	if f.passed > 0 {
		asked.From = firn.PositionPoint(f.passed + 1)
	}
	f.again = again
	f.close()
	open := &f.service.subscriptions
	o := subscription.Options{Now: f.service.options.Now, Closed: func() { open.Add(-1) }}
	if f.watch != nil {
		o.Cut = f.watch.gone
	}
	s, err := subscription.Open(f.engine, asked, o)
	if err == nil {
		f.Subscription = s
		open.Add(1)
	}
	return err
}

// Close ends the subscription.
func (f *Following) Close() {
	f.close()
	if f.watch != nil {
		f.service.unwatch(f.watch)
	}
}

func (f *Following) close() {
	if f.Subscription != nil {
		f.Subscription.Close()
		f.Subscription = nil
	}
}

// Next is that of the subscription. Where upcasters have changed, the events
// from here on are shown by the new ones. Nothing comes any more once the caller
// may not see it.
func (f *Following) Next(ctx context.Context) (subscription.Step, error) {
	step, err := f.next(ctx)
	if f.watch == nil {
		return step, err
	}
	if cut := f.watch.ended(); cut != nil {
		return subscription.Step{}, f.service.Guard().refused(cut)
	}
	if m := step.Mark; m != nil && !f.sees(m) {
		step.Mark = &firn.Mark{Kind: firn.Checkpoint, At: m.At, History: m.History}
	}
	return step, err
}

// sees reports whether the caller may see a mark: the limits of a category are
// for those who see streams of it.
func (f *Following) sees(m *firn.Mark) bool {
	limits, ok := m.Life.(firn.Limits)
	return !ok || limits.Category == "" || f.watch.user.OverlapsCategory(limits.Category)
}

func (f *Following) next(ctx context.Context) (subscription.Step, error) {
	for {
		step, err := f.Subscription.Next(ctx)
		if err != nil {
			return step, err
		}
		if sh := f.service.shapes(f.engine); sh != f.p.sh {
			switch filtered := len(f.q.Types) > 0 || len(f.q.TypePrefixes) > 0; {
			case !filtered:
				f.p.sh = sh
			case f.passed > 0 || f.q.From.Kind() != firn.PointEnd:
				// Which stored types are wanted may be others now: what came is asked
				// for again.
				if err := f.open(); err != nil {
					return step, err
				}
				continue
			}
		}
		if f.q.Raw || !f.p.sh.any {
			f.pass(&step)
			return step, nil
		}
		if _, _, err := f.p.sh.asked(f.q); err != nil {
			return step, err
		}
		if err := f.show(ctx, &step); err != nil {
			return step, err
		}
		f.pass(&step)
		if len(step.Events) > 0 || step.Mark != nil || !step.More {
			return step, nil
		}
	}
}

// show brings a step's events into today's shape, and leaves out those that are
// not wanted in it.
func (f *Following) show(ctx context.Context, step *subscription.Step) error {
	f.events = f.events[:0]
	for i := range step.Events {
		if step.Events[i].Position <= f.last {
			continue // sent before the subscription was begun again
		}
		stored, typ, err := f.p.record(ctx, step.Events[i])
		if err != nil {
			return err
		}
		if !f.again || f.q.WantsType(typ) {
			f.events = append(f.events, stored)
		}
	}
	step.Events = f.events
	return nil
}

// pass notes how far the subscriber has come.
func (f *Following) pass(step *subscription.Step) {
	if n := len(step.Events); n > 0 {
		f.last = step.Events[n-1].Position
	}
	if step.Mark != nil {
		f.passed = step.Mark.At
		return
	}
	for i := len(step.Events) - 1; i >= 0; i-- {
		n, _, err := record.ParseNode(step.Events[i].Stream, step.Events[i].Bytes)
		if err == nil && n.Index+1 == n.Count {
			f.passed = n.Position
			return
		}
	}
}

// Subscriptions returns how many subscriptions are open, by whichever door.
func (s *Service) Subscriptions() int { return int(s.subscriptions.Load()) }

// Subscribe is [firn.Store.Subscribe].
func (s *Service) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return subscription.Messages(ctx, func() (subscription.Source, error) { return s.Follow(ctx, q) })
}
