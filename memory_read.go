package firn

import (
	"context"
	"iter"
	"slices"
)

// Read collects what the query selects when the iteration begins, then yields
// it without holding the lock.
func (m *memory) Read(ctx context.Context, q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		events, err := m.read(ctx, q)
		for _, e := range events {
			if err = ctx.Err(); err != nil {
				break
			}
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(Event{}, err)
		}
	}
}

func (m *memory) read(ctx context.Context, q Query) ([]Event, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := m.lock(ctx, q.Consistency); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if err := m.checkHistory(q); err != nil {
		return nil, err
	}

	b, err := m.bound(q.Bound, q.Stream)
	if err != nil {
		return nil, err
	}
	candidates := m.log
	if q.Stream != "" {
		if err := m.status(q.Stream, b).refusal(q.Stream); err != nil {
			return nil, err
		}
		candidates = m.streams[q.Stream]
	}
	if q.Backwards {
		candidates = slices.Clone(candidates)
		slices.Reverse(candidates)
	}
	known := map[string]status{}
	var selected []Event
	for _, e := range candidates {
		if q.Limit > 0 && uint64(len(selected)) == q.Limit {
			break
		}
		if !selects(q, e) {
			continue
		}
		s, ok := known[e.Stream]
		if !ok {
			s = m.status(e.Stream, b)
			known[e.Stream] = s
		}
		if s.first <= e.Revision && e.Revision < s.next {
			selected = append(selected, e)
		}
	}
	return selected, nil
}

// selects reports whether the query asks for the event, visible or not.
func selects(q Query, e Event) bool {
	switch {
	case q.Stream == "" && IsSystem(e.Stream) && !q.System,
		q.Category != "" && Category(e.Stream) != q.Category,
		!q.ID.IsZero() && e.ID != q.ID,
		q.Correlation != "" && e.CorrelationID != q.Correlation,
		q.Causation != "" && e.CausationID != q.Causation,
		!anyPrefix(q.StreamPrefixes, e.Stream),
		!q.WantsType(e.Type):
		return false
	}
	return begins(q.From, e, q.Backwards)
}
