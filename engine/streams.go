package engine

import (
	"bytes"
	"context"
	"iter"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// Stream describes a stream as of a point. now is the caller's clock.
func (e *Engine) Stream(ctx context.Context, name string, at firn.Point, now time.Time) (firn.StreamInfo, error) {
	if err := firn.CheckStreamName(name); err != nil {
		return firn.StreamInfo{}, err
	}
	if err := e.enter(); err != nil {
		return firn.StreamInfo{}, err
	}
	defer e.leave()
	l := lookup{db: e.db, s: e.seen.Load()}
	defer l.close()
	b, err := l.bound(at, name, now)
	if err != nil {
		return firn.StreamInfo{}, damage(err)
	}
	st, err := l.status(name, b)
	if err != nil {
		return firn.StreamInfo{}, damage(err)
	}
	if st.next == 0 {
		return firn.StreamInfo{}, notFound(name) // also where the unused name is tombstoned
	}
	info, err := e.describe(ctx, &l, name, &st, b)
	return info, damage(err)
}

// describe puts a status into words for callers. What the visible events take
// is found by looking at each.
func (e *Engine) describe(ctx context.Context, l *lookup, name string, st *status, b bound) (firn.StreamInfo, error) {
	info := firn.StreamInfo{
		Name: name, State: st.state, Position: b.position, Open: b.open,
		Revision: firn.Revision(st.next - 1),
	}
	if st.life != nil {
		info.MaxAge, info.MaxCount = duration(st.life.maxAge), st.life.maxCount
	}
	var err error
	if info.Metadata, err = l.metadata(name, st.life); err != nil || st.first >= st.next {
		return info, err
	}
	info.FirstRevision, info.Events = firn.Revision(st.first), st.next-st.first
	src := streamSource{stream: name, next: st.first, last: st.next - 1}
	for first := true; ; {
		if err := e.interrupted(ctx); err != nil {
			return info, err
		}
		events, err := src.fill(ctx, l, batchEvents)
		if err != nil || len(events) == 0 {
			return info, err
		}
		for i := range events {
			info.Bytes += uint64(len(events[i].stored))
		}
		if first {
			info.FirstTime, first = record.Time(events[0].node.Time), false
		}
		info.LastTime = record.Time(events[len(events)-1].node.Time)
	}
}

// metadata returns the free metadata as of a state of life, nil where there is
// none.
func (l *lookup) metadata(stream string, life *lifeState) ([]byte, error) {
	if life == nil || life.metadata == 0 {
		return nil, nil
	}
	system, revision := lifeStream(stream), life.metadata-1
	src := streamSource{stream: system, next: revision, last: revision}
	events, err := src.fill(context.Background(), l, 1)
	if err != nil {
		return nil, err
	}
	d, err := record.ParseDraft(events[0].client)
	if err != nil {
		return nil, damagedRecord(&events[0].node, system, err)
	}
	return bytes.Clone(d.Data), nil
}

// Streams yields the streams that the query selects, sorted by name: those
// with at least one event as of the bound, visible or not.
func (e *Engine) Streams(ctx context.Context, q firn.StreamQuery, now time.Time) iter.Seq2[firn.StreamInfo, error] {
	return func(yield func(firn.StreamInfo, error) bool) {
		list := streamList{e: e, q: &q, s: e.seen.Load(), now: now, after: q.After}
		for left := q.Limit; ; {
			infos, err := list.fill(ctx)
			for _, info := range infos {
				if !yield(info, nil) {
					return
				}
				if left--; left == 0 && q.Limit > 0 {
					return
				}
			}
			if err != nil {
				yield(firn.StreamInfo{}, damage(err))
			}
			if err != nil || list.done {
				return
			}
		}
	}
}

// streamList walks through the names of i, a batch at a time.
type streamList struct {
	e     *Engine
	q     *firn.StreamQuery
	s     *seen
	now   time.Time
	after string // the last name that was looked at
	done  bool
}

// streamsBatch is how many names are looked at at once.
const streamsBatch = 64

func (s *streamList) fill(ctx context.Context) ([]firn.StreamInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.e.enter(); err != nil {
		return nil, err
	}
	defer s.e.leave()
	l := lookup{db: s.e.db, s: s.s}
	defer l.close()
	b, err := l.bound(s.q.Bound, "", s.now)
	if err != nil {
		return nil, err
	}
	names, err := s.names(&l)
	if err != nil {
		return nil, err
	}
	var infos []firn.StreamInfo
	for _, name := range names {
		st, err := l.status(name, b)
		if err != nil {
			return infos, err
		}
		if st.next == 0 {
			continue
		}
		info, err := s.e.describe(ctx, &l, name, &st, b)
		if err != nil {
			return infos, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// names returns the next names that the query selects.
func (s *streamList) names(l *lookup) ([]string, error) {
	it, err := l.iterator()
	if err != nil {
		return nil, err
	}
	// The names wanted begin with the longer of the two, if any.
	prefix := s.q.Prefix
	if category := s.q.Category + "-"; s.q.Category != "" && strings.HasPrefix(category, prefix) {
		prefix = category
	}
	from := append([]byte{prefixIndex}, prefix...)
	if s.after != "" {
		if behind := append(appendIndexPrefix(nil, s.after)[:1+len(s.after)], nameEnd+1); bytes.Compare(behind, from) > 0 {
			from = behind
		}
	}
	if !s.q.System && prefix == "" {
		// '$' sorts among the first, so the system's names are jumped over as a whole.
		if system := []byte{prefixIndex, '$'}; bytes.HasPrefix(from, system) {
			from = []byte{prefixIndex, '$' + 1}
		}
	}
	var names []string
	wanted := append([]byte{prefixIndex}, prefix...)
	ok := it.SeekGE(from)
	for ok && len(names) < streamsBatch {
		key := it.Key()
		if !bytes.HasPrefix(key, wanted) {
			s.done = true
			return names, nil
		}
		raw, _, valid := parseNamed(key[1:])
		if !valid {
			return nil, damagedKey(key)
		}
		name := string(raw)
		s.after = name
		if firn.IsSystem(name) && !s.q.System {
			ok = it.SeekGE([]byte{prefixIndex, '$' + 1})
			continue
		}
		if s.q.Category == "" || firn.Category(name) == s.q.Category {
			names = append(names, name)
		}
		ok = it.NextPrefix()
	}
	if !ok {
		s.done = true
	}
	return names, it.Error()
}
