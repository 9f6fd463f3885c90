package storetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// repeat sends an earlier append again: as it was, with other conditions, or
// altered so that it is a repetition no more.
func (g *generator) repeat(ctx context.Context) operation {
	if len(g.past) == 0 {
		return g.append(ctx)
	}
	// Mostly a late one: its events are the newest of their streams.
	i := len(g.past) - 1
	if g.chance(2) {
		i = g.IntN(len(g.past))
	}
	writes := slices.Clone(g.past[i])
	for i := range writes {
		w := &writes[i]
		w.Drafts = slices.Clone(w.Drafts)
		if g.chance(2) {
			w.Expect = g.expectation(ctx, w.Stream)
		}
		if len(w.Drafts) == 0 || g.chance(2) {
			continue
		}
		switch g.IntN(7) {
		case 0:
			w.Drafts = append(w.Drafts, g.draft())
		case 1:
			w.Drafts = slices.Insert(w.Drafts, 0, g.draft())
		case 2:
			slices.Reverse(w.Drafts)
		case 3:
			w.Drafts = w.Drafts[1:]
		case 4:
			w.Drafts = w.Drafts[:len(w.Drafts)-1]
		case 5:
			w.Drafts[0].Data = []byte("other")
		case 6:
			w.Stream = g.stream()
		}
	}
	return appendOf(writes...)
}

func (g *generator) change(ctx context.Context) operation {
	stream := g.stream()
	if g.chance(40) {
		stream = g.anyStream()
	}
	expect := firn.Any
	if g.chance(3) {
		expect = g.expectation(ctx, stream)
	}
	switch g.IntN(12) {
	case 0, 1, 2:
		return changeOf(stream, expect, firn.Delete{})
	case 3:
		if !g.chance(3) {
			return g.next(ctx) // a tombstone is for good: few of them
		}
		if i := slices.Index(g.names, stream); i >= 0 {
			g.gone = append(g.gone, stream)
			g.names[i] = fmt.Sprint(firn.Category(stream), "-", 10+len(g.gone))
		}
		return changeOf(stream, expect, firn.Tombstone{})
	case 4, 5:
		next := uint64(g.nextRevision(ctx, stream))
		return changeOf(stream, expect, firn.Truncate{Before: firn.Revision(g.Uint64N(next + 2))})
	case 6, 7:
		return changeOf(stream, expect, g.limits())
	case 8, 9:
		limits := g.limits()
		if !g.chance(10) {
			limits.Category = g.category()
		}
		return changeOf(firn.CategoriesStream, firn.Any, limits)
	}
	data := []string{"", `{"owner":"a"}`, `{"owner":"b"}`}[g.IntN(3)]
	return changeOf(stream, expect, firn.Metadata{Data: []byte(data)})
}

// limits hide what is older than the last call, or nothing, by age: what lies
// between depends on how fast the store is.
func (g *generator) limits() firn.Limits {
	var l firn.Limits
	if g.chance(3) {
		return l
	}
	if g.chance(4) {
		l.MaxAge = []time.Duration{time.Microsecond, time.Hour}[g.IntN(2)]
	}
	if g.chance(2) {
		l.MaxCount = 1 + g.Uint64N(6)
	}
	return l
}

func (g *generator) read(ctx context.Context) operation {
	q := firn.Query{Backwards: g.chance(2), System: g.chance(3)}
	switch g.IntN(10) {
	case 0:
		q.All = true
	case 1, 2:
		q.Category = g.category()
	case 3:
		q.ID = firn.DeriveID(firn.ID{1}, int(g.Uint64N(g.count+1)))
	case 4:
		q.Correlation = correlation(g.Uint64N(g.count + 1))
	case 5:
		q.Causation = causation(g.Uint64N(g.count + 1))
	default:
		q.Stream = g.anyStream()
	}
	for _, t := range []string{"Placed", "Paid", firn.TypeDeleted} {
		if g.chance(6) {
			q.Types = append(q.Types, t)
		}
	}
	g.prefixes(&q)
	if g.chance(3) {
		q.Limit = 1 + g.Uint64N(6)
	}
	var from, bound place
	if g.chance(2) {
		from = g.place(ctx, q.Stream)
	}
	if g.chance(2) {
		bound = g.place(ctx, q.Stream)
	}
	return readOf(q, from, bound)
}

// prefixes sometimes gives the query prefixes.
func (g *generator) prefixes(q *firn.Query) {
	if g.chance(6) {
		q.TypePrefixes = append(q.TypePrefixes, []string{"P", "Pa", "Made", "$", "$t"}[g.IntN(5)])
	}
	if q.Stream != "" || q.ByID() {
		return
	}
	for range 2 {
		if g.chance(4) {
			q.StreamPrefixes = append(q.StreamPrefixes, []string{"order-1", "order", "u", "$$order-1", "-", "größe-1"}[g.IntN(6)])
		}
	}
}

// subscribe asks a subscription for everything up to the head.
func (g *generator) subscribe(ctx context.Context) operation {
	q, from := g.followed(), place{}
	if g.chance(2) {
		from = g.place(ctx, q.Stream)
	}
	return subscriptionOf(q, from)
}

// followed is a query that can be subscribed to.
func (g *generator) followed() firn.Query {
	q := firn.Query{System: g.chance(3)}
	switch g.IntN(4) {
	case 0:
		q.All = true
	case 1, 2:
		q.Category = g.category()
	default:
		q.Stream = g.anyStream()
		if len(g.gone) > 0 && g.chance(3) {
			q.Stream = g.gone[0]
		}
	}
	for _, t := range []string{"Placed", "Paid", firn.TypeDeleted} {
		if g.chance(8) {
			q.Types = append(q.Types, t)
		}
	}
	g.prefixes(&q)
	return q
}

func (g *generator) list(ctx context.Context) operation {
	q := firn.StreamQuery{System: g.chance(2)}
	if g.chance(3) {
		q.Prefix = []string{"o", "order-1", "$$", "x", "gr"}[g.IntN(5)]
	}
	if g.chance(3) {
		q.Category = g.category()
	}
	if g.chance(3) {
		q.After = g.anyStream()
	}
	if g.chance(3) {
		q.Limit = 1 + g.Uint64N(5)
	}
	var bound place
	if g.chance(2) {
		bound = g.place(ctx, "")
	}
	return listOf(q, bound)
}

// place is a point anywhere, a little beyond the end included. Without a
// stream, a revision is a mistake, and few are made.
func (g *generator) place(ctx context.Context, stream string) place {
	head := uint64(g.head(ctx))
	switch n := g.IntN(12); {
	case n == 0:
		return place{}
	case n == 1:
		return place{point: firn.StartPoint()}
	case n == 2:
		return place{point: firn.EndPoint()}
	case n < 6 && (stream != "" || g.chance(30)):
		next := uint64(g.nextRevision(ctx, stream))
		return place{point: firn.RevisionPoint(firn.Revision(g.Uint64N(next + 2)))}
	case n < 8 && head > 0:
		return place{momentOf: firn.Position(1 + g.Uint64N(head))}
	}
	return place{point: firn.PositionPoint(firn.Position(g.Uint64N(head + 3)))}
}
