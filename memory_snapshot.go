package firn

import (
	"context"
	"slices"
)

// SaveSnapshot keeps every snapshot: the model thins out nothing.
func (m *memory) SaveSnapshot(ctx context.Context, s Snapshot) error {
	if err := s.Check(); err != nil {
		return err
	}
	if err := m.lock(ctx, Consistency{}); err != nil {
		return err
	}
	defer m.mu.Unlock()
	now := m.status(s.Stream, m.present())
	if err := now.refusal(s.Stream); err != nil {
		return err
	}
	if s.Revision < m.begun(s.Stream, m.head()) || s.Revision >= now.next {
		return (&ConflictError{Stream: s.Stream, Expected: At(s.Revision), Actual: At(now.next - 1)}).Err()
	}
	s.State = slices.Clone(s.State)
	m.snapshots = append(m.snapshots, s)
	return nil
}

// begun returns the revision with which a stream began as of a position, or
// began again after it was deleted.
func (m *memory) begun(stream string, at Position) (first Revision) {
	for _, c := range m.changes[stream] {
		if _, deleted := c.life.(Delete); deleted && c.position <= at {
			first = c.next
		}
	}
	return first
}

// Load looks at every snapshot. One fits that ends before the bound, is of the
// stream as it was begun last, and has its whole tail behind it.
func (m *memory) Load(ctx context.Context, q LoadQuery) (Loaded, error) {
	if err := CheckStreamName(q.Stream); err != nil {
		return Loaded{}, err
	}
	if err := m.lock(ctx, q.Consistency); err != nil {
		return Loaded{}, err
	}
	defer m.mu.Unlock()
	b, err := m.bound(q.Bound, q.Stream)
	if err != nil {
		return Loaded{}, err
	}
	s := m.status(q.Stream, b)
	if err := s.refusal(q.Stream); err != nil {
		return Loaded{}, err
	}
	begun := m.begun(q.Stream, b.position)
	loaded := Loaded{Version: q.Version, Revision: s.next - 1, Position: b.position, Open: b.open, Partial: s.first > begun}
	first := s.first
	for _, kept := range m.snapshots {
		fits := kept.Stream == q.Stream && kept.Version == q.Version &&
			kept.Revision >= begun && kept.Revision+1 >= s.first && kept.Revision < s.next
		if fits && (loaded.Snapshot == nil || kept.Revision >= loaded.Snapshot.Revision) {
			loaded.Snapshot, loaded.Partial, first = &kept, kept.Partial, kept.Revision+1
		}
	}
	tail := slices.Clone(m.streams[q.Stream][first:s.next])
	loaded.Events = func(yield func(Event, error) bool) {
		for _, e := range tail {
			if err := ctx.Err(); err != nil {
				yield(Event{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
	return loaded, nil
}
