package subscription

import (
	"context"
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// Options of a subscription. Zero means the default.
type Options struct {
	Now func() time.Time // the clock that ages are measured by; default time.Now

	// While nothing is selected, a checkpoint comes once at least so many
	// positions were passed; default 65,536. At the head one comes Pause after
	// the first event that was passed by; default 1 s.
	Distance uint64
	Pause    time.Duration

	// Once it is closed, Next waits for nothing any more and returns ErrCut; nil:
	// it never is.
	Cut <-chan struct{}

	Closed func() // called by Close, once; default nothing
}

// Subscription follows one query. It is for one goroutine at a time, and must
// be closed.
type Subscription struct {
	// Set by Open, then read only.
	e       *engine.Engine
	q       firn.Query
	o       Options
	history firn.ID

	f        *engine.Follower
	left     []engine.Followed // of the last batch, what is still to be returned
	events   []record.Stored   // of the last step
	decoder  record.Decoder
	sent     firn.Position // the subscriber knows that everything up to here was sent
	due      time.Time     // when it is to be told that the head is further on; zero: it is not
	caughtUp bool
	ended    error // after the events so far
}

// Step is what happens next: some events, then perhaps a mark.
type Step struct {
	Events []record.Stored // valid until the next step
	Mark   *firn.Mark      // nil: none
	More   bool            // another step follows without waiting for an event
}

// Open begins to follow a query. What is committed is what the engine has
// applied. Errors: ErrInvalid, ErrOtherHistory, ErrUnavailable.
func Open(e *engine.Engine, q firn.Query, o Options) (*Subscription, error) {
	if err := q.CheckSubscribe(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Closed == nil {
		o.Closed = func() {}
	}
	if o.Distance == 0 {
		o.Distance = 65_536
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	_, history := e.Identity()
	s := &Subscription{e: e, q: q, o: o, history: history}
	if err := CheckHistory(e, q.History); err != nil {
		return nil, err
	}
	var err error
	if s.f, err = e.Follow(q); err != nil {
		return nil, err
	}
	s.sent = s.f.At()
	return s, nil
}

// CheckHistory says that a position noted in another history means nothing in
// the engine's, or nil. The zero history is not checked.
func CheckHistory(e *engine.Engine, noted firn.ID) error {
	if _, history := e.Identity(); !noted.IsZero() && noted != history {
		return firn.Errorf(firn.ErrOtherHistory, "the position was noted in history %v, this store is in history %v; what was fed from the other one must be built anew", noted, firn.ID(history))
	}
	return nil
}

// Next returns the next step. At the head it waits, until there is something
// to send, ctx ends, or the engine is closed.
func (s *Subscription) Next(ctx context.Context) (Step, error) {
	for {
		if len(s.left) > 0 {
			step, err := s.step()
			if err != nil || len(step.Events) > 0 || step.Mark != nil {
				return step, err
			}
			continue
		}
		if s.ended != nil {
			return Step{}, s.ended
		}
		b, err := s.f.Next(ctx, s.o.Now())
		if err != nil {
			return Step{}, err
		}
		s.left = b.Events
		if len(b.Events) > 0 {
			continue
		}
		mark, err := s.mark(ctx, &b)
		if err != nil {
			return Step{}, err
		}
		if mark != nil {
			s.tell(mark.At)
			return Step{Mark: mark, More: s.more()}, nil
		}
	}
}

// tell notes that the subscriber knows how far it has come.
func (s *Subscription) tell(p firn.Position) { s.sent, s.due = p, time.Time{} }

// step returns events of the batch up to a change of life, and that as a mark.
func (s *Subscription) step() (Step, error) {
	s.events = s.events[:0]
	for len(s.left) > 0 {
		e := &s.left[0]
		s.left = s.left[1:]
		if !e.Change {
			s.events = append(s.events, e.Stored)
			if e.End {
				s.tell(e.Position)
			} else if planted.Is(planted.CheckpointInsideAppend) { // one could go on behind a part of it
				return Step{Events: s.events, Mark: &firn.Mark{Kind: firn.Checkpoint, At: e.Position, History: s.history}, More: true}, nil
			}
			continue
		}
		mark, err := s.change(e)
		if err != nil {
			return Step{}, err
		}
		if mark != nil {
			s.tell(mark.At)
			return Step{Events: s.events, Mark: mark, More: s.more()}, nil
		}
	}
	return Step{Events: s.events, More: s.more()}, nil
}

// more reports whether the next step needs not wait for an event.
func (s *Subscription) more() bool {
	return len(s.left) > 0 || s.ended != nil || !s.caughtUp || s.f.Behind()
}

// mark returns what is to be told where no event was found: nothing, mostly. It
// waits at the head.
func (s *Subscription) mark(ctx context.Context, b *engine.Batch) (*firn.Mark, error) {
	at := firn.Mark{Kind: firn.Checkpoint, At: b.Through, History: s.history}
	if !b.Head {
		if planted.Is(planted.CaughtUpTooEarly) && b.Whole { // it goes on at the end
			end := s.q
			end.From = firn.EndPoint()
			s.f, _ = s.e.Follow(end)
		}
		if b.Whole && uint64(b.Through) >= uint64(s.sent)+s.o.Distance {
			return &at, nil
		}
		return nil, nil
	}
	if !s.caughtUp {
		if s.q.Stream != "" {
			if err := s.e.Tombstone(s.q.Stream); err != nil {
				return nil, err
			}
		}
		s.caughtUp, at.Kind = true, firn.CaughtUp
		return &at, nil
	}
	return s.wait(ctx, at)
}

// wait waits for the head to move on. Where it has done so without anything
// for the subscriber, the checkpoint is due after a while.
func (s *Subscription) wait(ctx context.Context, checkpoint firn.Mark) (*firn.Mark, error) {
	var pause <-chan time.Time
	if checkpoint.At > s.sent {
		now := time.Now()
		if s.due.IsZero() {
			s.due = now.Add(s.o.Pause)
		}
		if !now.Before(s.due) {
			return &checkpoint, nil
		}
		timer := time.NewTimer(s.due.Sub(now))
		defer timer.Stop()
		pause = timer.C
	}
	select {
	case <-s.e.Moved(checkpoint.At):
		if planted.Is(planted.CheckpointNotSent) { // it lies at what has not been sent
			checkpoint.At, _ = s.e.Head()
			return &checkpoint, nil
		}
		return nil, nil
	case <-pause:
		return &checkpoint, nil
	case <-s.o.Cut:
		return nil, ErrCut
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ErrCut is what a subscription ends with that was cut off while it waited.
var ErrCut = errors.New("the subscription was cut off")

// Rest lets go of the memory that the subscription holds; whoever waits for a
// consumer for long calls it. The events of the last step are no longer valid.
func (s *Subscription) Rest() {
	if len(s.left) == 0 {
		s.left, s.events = nil, nil
		s.f.Rest()
	}
}

// Close ends the subscription. It must be called, once.
func (s *Subscription) Close() {
	s.f.Rest()
	s.o.Closed()
}
