package storetest_test

import (
	"context"
	"errors"

	"github.com/firndb/firn"
)

// plantedSubscriptions are stores whose subscriptions break one guarantee.
var plantedSubscriptions = map[string]func() *faulty{
	"the first event behind caught up is lost": eachMessage(func(at *passing, m firn.Message) []firn.Message {
		if at.sinceCaughtUp == 2 && m.Mark == nil {
			return nil
		}
		return []firn.Message{m}
	}),
	"the last event before caught up comes again": eachMessage(func(at *passing, m firn.Message) []firn.Message {
		if at.sinceCaughtUp == 2 && at.last != nil {
			return []firn.Message{*at.last, m}
		}
		return []firn.Message{m}
	}),
	"a checkpoint tears an append": eachMessage(func(at *passing, m firn.Message) []firn.Message {
		if m.Mark == nil && !m.Event.AppendEnd() {
			return []firn.Message{m, {Mark: &firn.Mark{Kind: firn.Checkpoint, At: m.Event.Position, History: at.history}}}
		}
		return []firn.Message{m}
	}),
	"caught up comes before the last event": func() *faulty {
		return &faulty{subscription: func(ctx context.Context, s firn.Store, q firn.Query, yield func(firn.Message, error) bool) {
			head, _, _ := s.Head(ctx, firn.Consistency{})
			early := false
			for m, err := range s.Subscribe(ctx, q) {
				if !early && err == nil && m.Mark == nil && m.Event.Position == head {
					early = true
					if !yield(firn.Message{Mark: &firn.Mark{Kind: firn.CaughtUp, At: head - 1}}, nil) {
						return
					}
				}
				if !yield(m, err) {
					return
				}
			}
		}}
	},
	"caught up speaks of more than was sent": eachMessage(func(at *passing, m firn.Message) []firn.Message {
		if m.Mark == nil && at.sinceCaughtUp == 0 && m.Event.AppendEnd() {
			return []firn.Message{{Mark: &firn.Mark{Kind: firn.Checkpoint, At: m.Event.Position, History: at.history}}, m}
		}
		return []firn.Message{m}
	}),
	"resuming misses one":  resumedAt(+1),
	"resuming repeats one": resumedAt(-1),
	"a change of life is not told": eachMessage(func(_ *passing, m firn.Message) []firn.Message {
		if m.Mark != nil && m.Mark.Kind == firn.LifeMark && m.Mark.At%3 == 0 {
			return nil
		}
		return []firn.Message{m}
	}),
	"two events change places": eachMessage(func(at *passing, m firn.Message) []firn.Message {
		held := at.held
		at.held = nil
		if m.Mark == nil && held == nil && m.Event.Position%7 == 0 && m.Event.Index+1 < m.Event.Count {
			at.held = &m
			return nil
		}
		if held != nil {
			return []firn.Message{m, *held}
		}
		return []firn.Message{m}
	}),
	"the types are forgotten": func() *faulty {
		return &faulty{subscription: func(ctx context.Context, s firn.Store, q firn.Query, yield func(firn.Message, error) bool) {
			q.Types, q.TypePrefixes = nil, nil
			s.Subscribe(ctx, q)(yield)
		}}
	},
	"a tombstone does not end its subscription": func() *faulty {
		return &faulty{subscription: func(ctx context.Context, s firn.Store, q firn.Query, yield func(firn.Message, error) bool) {
			for m, err := range s.Subscribe(ctx, q) {
				if errors.Is(err, firn.ErrTombstoned) {
					m.Mark, err = &firn.Mark{Kind: firn.CaughtUp}, nil
				}
				if !yield(m, err) {
					return
				}
			}
		}}
	},
}

// passing is what a faulty subscription knows of itself.
type passing struct {
	last          *firn.Message // the last event
	held          *firn.Message
	history       firn.ID
	sinceCaughtUp int // messages since then, the one at hand included; 0: it was not yet
}

func eachMessage(change func(*passing, firn.Message) []firn.Message) func() *faulty {
	return func() *faulty {
		return &faulty{subscription: func(ctx context.Context, s firn.Store, q firn.Query, yield func(firn.Message, error) bool) {
			var at passing
			for m, err := range s.Subscribe(ctx, q) {
				if err != nil {
					yield(m, err)
					return
				}
				if at.sinceCaughtUp > 0 {
					at.sinceCaughtUp++
				}
				for _, told := range change(&at, m) {
					if !yield(told, nil) {
						return
					}
				}
				if m.Mark == nil {
					at.last = &m
				} else if at.history = m.Mark.History; m.Mark.Kind == firn.CaughtUp {
					at.sinceCaughtUp = 1
				}
			}
		}}
	}
}

// resumedAt is a store that goes on at a position next to the one asked for,
// where somebody goes on.
func resumedAt(step int) func() *faulty {
	return func() *faulty {
		return &faulty{subscription: func(ctx context.Context, s firn.Store, q firn.Query, yield func(firn.Message, error) bool) {
			if !q.History.IsZero() {
				q.From = firn.PositionPoint(firn.Position(int(q.From.Position()) + step))
			}
			s.Subscribe(ctx, q)(yield)
		}}
	}
}
