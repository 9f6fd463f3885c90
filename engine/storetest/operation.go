package storetest

import (
	"context"
	"fmt"
	"iter"

	"github.com/firndb/firn"
)

// operation is one call, which can be put to any store.
type operation struct {
	name string
	run  func(ctx context.Context, s *side) answer
}

// place is a point in time for an operation. Moments differ from store to
// store, so one is named by a position, and each store says when that was.
type place struct {
	point    firn.Point
	momentOf firn.Position // where not 0: the time of the first visible event from there on
}

func (p place) String() string {
	if p.momentOf > 0 {
		return fmt.Sprintf("time of @%d", p.momentOf)
	}
	if p.point.Kind() == firn.PointRevision {
		return "revision " + p.point.String()
	}
	return p.point.String()
}

func (p place) resolve(ctx context.Context, s *side) firn.Point {
	if p.momentOf == 0 {
		return p.point
	}
	for e, err := range s.Read(ctx, firn.Query{All: true, System: true, From: firn.PositionPoint(p.momentOf), Limit: 1}) {
		if err == nil {
			return firn.MomentPoint(e.Time)
		}
	}
	return firn.EndPoint()
}

func appendOf(writes ...firn.Write) operation {
	name := "append"
	for _, w := range writes {
		name += fmt.Sprintf(" [%q expect %s:", w.Stream, w.Expect)
		for _, d := range w.Drafts {
			name += fmt.Sprintf(" %s %.8s", d.Type, d.ID)
		}
		name += "]"
	}
	return operation{name, func(ctx context.Context, s *side) answer {
		done, err := s.Append(ctx, writes...)
		head := s.note(ctx)
		return append(s.appended(done, err), head...)
	}}
}

func changeOf(stream string, expect firn.Expectation, life firn.Life) operation {
	return operation{fmt.Sprintf("change %q expect %s: %T%+v", stream, expect, life, life), func(ctx context.Context, s *side) answer {
		at, err := s.Change(ctx, stream, expect, life)
		head := s.note(ctx)
		if err != nil {
			return append(s.failure(err), head...)
		}
		return append(answer{fmt.Sprint("recorded at ", at)}, head...)
	}}
}

func readOf(q firn.Query, from, bound place) operation {
	name := fmt.Sprintf("read %s from %q bound %q backwards %t limit %d system %t", target(q), from, bound, q.Backwards, q.Limit, q.System)
	return operation{name, func(ctx context.Context, s *side) answer {
		q := q
		q.From, q.Bound = from.resolve(ctx, s), bound.resolve(ctx, s)
		return s.events(s.Read(ctx, q))
	}}
}

// subscriptionOf follows a query from a place up to the head.
func subscriptionOf(q firn.Query, from place) operation {
	return operation{fmt.Sprintf("subscribe %s from %q system %t", target(q), from, q.System), func(ctx context.Context, s *side) answer {
		q := q
		q.From = from.resolve(ctx, s)
		return s.messages(untilCaughtUp(ctx, s, q))
	}}
}

// target says what the query asks about.
func target(q firn.Query) string {
	text := subject(q)
	for i, list := range [][]string{q.Types, q.TypePrefixes, q.StreamPrefixes} {
		if len(list) > 0 {
			text += fmt.Sprintf(" %s %q", []string{"types", "type prefixes", "stream prefixes"}[i], list)
		}
	}
	return text
}

func subject(q firn.Query) string {
	switch {
	case q.Stream != "":
		return fmt.Sprintf("stream %q", q.Stream)
	case q.Category != "":
		return fmt.Sprintf("category %q", q.Category)
	case q.All:
		return "all"
	case q.Correlation != "":
		return fmt.Sprintf("correlation %q", q.Correlation)
	case q.Causation != "":
		return fmt.Sprintf("causation %q", q.Causation)
	}
	return fmt.Sprintf("id %.8s", q.ID)
}

func infoOf(stream string, at place) operation {
	return operation{fmt.Sprintf("stream %q at %q", stream, at), func(ctx context.Context, s *side) answer {
		info, err := s.Stream(ctx, stream, at.resolve(ctx, s))
		if err != nil {
			return s.failure(err)
		}
		return answer{s.info(info)}
	}}
}

func listOf(q firn.StreamQuery, bound place) operation {
	name := fmt.Sprintf("streams prefix %q category %q after %q limit %d bound %q system %t", q.Prefix, q.Category, q.After, q.Limit, bound, q.System)
	return operation{name, func(ctx context.Context, s *side) answer {
		q := q
		q.Bound = bound.resolve(ctx, s)
		return s.infos(s.Streams(ctx, q))
	}}
}

// stopOf reads only the first events of a query, and leaves the iterator.
func stopOf(q firn.Query, after int) operation {
	return operation{fmt.Sprintf("read %s, stop after %d", show(q), after), func(ctx context.Context, s *side) answer {
		return s.events(first(s.Read(ctx, q), after))
	}}
}

// first yields the first n elements, then stops the sequence behind it.
func first[T any](seq iter.Seq2[T, error], n int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := n
		for v, err := range seq {
			left--
			if !yield(v, err) || left == 0 {
				return
			}
		}
	}
}
