package firn

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Stream describes one stream.
func (m *memory) Stream(ctx context.Context, name string, at Point) (StreamInfo, error) {
	if err := CheckStreamName(name); err != nil {
		return StreamInfo{}, err
	}
	if err := m.lock(ctx, Consistency{}); err != nil {
		return StreamInfo{}, err
	}
	defer m.mu.Unlock()

	b, err := m.bound(at, name)
	if err != nil {
		return StreamInfo{}, err
	}
	s := m.status(name, b)
	if s.next == 0 {
		return StreamInfo{}, status{}.refusal(name) // also where the unused name is tombstoned
	}
	return m.describe(name, s, b), nil
}

// Streams collects the descriptions when the iteration begins.
func (m *memory) Streams(ctx context.Context, q StreamQuery) iter.Seq2[StreamInfo, error] {
	return func(yield func(StreamInfo, error) bool) {
		infos, err := m.list(ctx, q)
		for _, info := range infos {
			if err = ctx.Err(); err != nil {
				break
			}
			if !yield(info, nil) {
				return
			}
		}
		if err != nil {
			yield(StreamInfo{}, err)
		}
	}
}

func (m *memory) list(ctx context.Context, q StreamQuery) ([]StreamInfo, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := m.lock(ctx, q.Consistency); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()

	b, err := m.bound(q.Bound, "")
	if err != nil {
		return nil, err
	}
	var infos []StreamInfo
	for _, name := range slices.Sorted(maps.Keys(m.streams)) {
		if q.Limit > 0 && uint64(len(infos)) == q.Limit {
			break
		}
		switch {
		case IsSystem(name) && !q.System,
			q.Category != "" && Category(name) != q.Category,
			!strings.HasPrefix(name, q.Prefix),
			name <= q.After:
			continue
		}
		if s := m.status(name, b); s.next > 0 {
			infos = append(infos, m.describe(name, s, b))
		}
	}
	return infos, nil
}

// describe puts a status into words for callers. Bytes counts what the events
// hold; a store on disk counts what they take there.
func (m *memory) describe(name string, s status, b bound) StreamInfo {
	info := StreamInfo{
		Name: name, State: s.state, Position: b.position, Open: b.open,
		Revision: s.next - 1,
		MaxAge:   s.limits.MaxAge, MaxCount: s.limits.MaxCount,
		Metadata: slices.Clone(s.metadata),
	}
	visible := m.streams[name][s.first:s.next]
	if len(visible) == 0 {
		return info
	}
	info.FirstRevision = s.first
	info.Events = uint64(len(visible))
	info.FirstTime, info.LastTime = visible[0].Time, visible[len(visible)-1].Time
	for _, e := range visible {
		info.Bytes += uint64(len(e.Type) + len(e.Data) + len(e.Metadata))
	}
	return info
}
