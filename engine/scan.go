package engine

import (
	"context"
	"sort"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// scanSource yields the events of everything, or of a category, in order of
// position, layer by layer. A layer is taken from memory where it is there,
// else read in one scan; only where few of its events are wanted are they
// fetched one by one.
type scanSource struct {
	e         *Engine
	scope     scope
	heads     []string   // how the names in scope begin; nil: in any way
	types     typeFilter // to pass by layers without them; the reader looks at each event
	follows   bool       // a Follower's
	limit     uint64
	backwards bool
	bound     bound

	left   positions // what is still to come
	v      *view     // the layer being read, nil before the first and between two
	ranks  *ranks    // of v
	byName bool      // ranks are asked by name, though there is a view
	next   int       // index in v.recs
	until  positions // of left, what lies in the layer

	c       *chunk // point by point: the chunk that covers the next position
	fetched int    // events fetched one by one so far
	out     []located
	bytes   int // of out

	memory memory // a Follower's
}

// Fetching an event by itself costs about as much as reading 16 neighbours.
const (
	shortRead  = 256
	fetchedMax = 2048
)

func newScanSource(e *Engine, q *firn.Query, b bound, left positions) source {
	src := &scanSource{
		e: e, scope: scope{category: q.Category, prefixes: q.StreamPrefixes, system: q.System},
		types: typesOf(q), limit: q.Limit, backwards: q.Backwards,
		bound: b, left: left, out: make([]located, 0, batchEvents),
	}
	src.heads = src.scope.heads()
	return src
}

func typesOf(q *firn.Query) typeFilter { return typeFilter{q.Types, q.TypePrefixes} }

func (src *scanSource) fill(ctx context.Context, l *lookup, want int) ([]located, error) {
	src.out, src.bytes = src.out[:0], 0
	if src.follows {
		src.account(l)
	}
	for !src.full(want) && (src.v != nil || src.c != nil || src.left.from <= src.left.to) {
		if err := src.e.interrupted(ctx); err != nil {
			return nil, err
		}
		var err error
		switch {
		case src.v != nil:
			err = src.fromView(l, want)
		case src.c != nil:
			err = src.fromChunk(l, want)
		default:
			err = src.enterLayer(l)
		}
		if err != nil {
			return nil, err
		}
	}
	return src.out, nil
}

// full reports whether enough was found for now.
func (src *scanSource) full(want int) bool {
	return len(src.out) >= want || src.follows && src.bytes >= batchBytes
}

// interrupted says why a long read should stop, or nil.
func (e *Engine) interrupted(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closed:
		return errClosed()
	default:
		return nil
	}
}

// enterLayer finds the layer that holds the next position and decides how it
// is read.
func (src *scanSource) enterLayer(l *lookup) error {
	p := src.left.from
	if src.backwards {
		p = src.left.to
	}
	tail := l.s.tail
	if p >= tail.first {
		src.take(tail.first, l.s.p.head)
		return src.open(l, tail)
	}
	s, ok := layerOf(l.s.sealed, p)
	if !ok {
		return firn.Errorf(firn.ErrDamaged, "no layer holds position %d; restore this node from another replica or a backup", p)
	}
	src.take(s.first, s.last)
	if skip, err := src.lacks(l, s); skip || err != nil {
		return err
	}
	if v := src.e.layers.peek(s.number); v != nil {
		return src.open(l, v)
	}
	if n := src.few(); n > 0 && !src.e.layers.wanted(s, n) || src.follows && !src.memory.take(src.e) {
		var err error
		src.c, err = readChunk(l.db, s, p)
		src.ranks = &ranks{bound: src.bound}
		return err
	}
	v, err := src.load(l, s)
	if err != nil {
		return err
	}
	return src.open(l, v)
}

// take moves the positions from first to last from what is left to what is
// being read.
func (src *scanSource) take(first, last firn.Position) {
	src.until = positions{max(first, src.left.from), min(last, src.left.to)}
	if src.backwards {
		src.left.to = first - 1
	} else {
		src.left.from = last + 1
	}
}

// lacks reports whether the layer's summary rules out all that is wanted.
func (src *scanSource) lacks(l *lookup, s *sealed) (bool, error) {
	if src.heads == nil && src.types.all() {
		return false, nil
	}
	key := appendLayerKey(nil, prefixLayer, s.number)
	value, err := get(l.db, key)
	if err != nil {
		return false, err
	}
	_, _, sum, err := parseSealed(key, value)
	if err != nil {
		return false, err
	}
	return !sum.mayHold(&src.scope, &src.types), nil
}

// few returns how many events of the layer will be fetched at most, where that
// is so few that they are fetched one by one; else 0.
func (src *scanSource) few() int {
	n := uint64(src.until.to-src.until.from) + 1
	if src.types.all() && src.limit > 0 {
		n = min(n, src.limit)
	}
	if n > shortRead || src.fetched > fetchedMax {
		return 0
	}
	return int(n)
}

// load reads a sealed layer; the whole of it is kept for others.
func (src *scanSource) load(l *lookup, s *sealed) (*view, error) {
	if src.heads != nil {
		return readPart(l.db, s, src.heads)
	}
	return src.e.layers.get(s.number, func() (*view, error) {
		return readSealed(l.db, s)
	})
}

// open begins to read a layer that is in memory.
func (src *scanSource) open(l *lookup, v *view) error {
	src.v = v
	at := src.until.from - v.first
	if src.backwards {
		at = src.until.to - v.first + 1
	}
	src.next = sort.Search(len(v.recs), func(i int) bool { return v.recs[i].place >= uint32(at) })
	if src.backwards {
		src.next--
	}
	if src.follows && v.layer == l.s.tail.layer {
		// Of the open layer a follower mostly wants the last few events.
		src.ranks, src.byName = &ranks{bound: src.bound}, true
		return nil
	}
	src.byName = false
	var err error
	src.ranks, err = newRanks(l, v, src.bound)
	return err
}

func (src *scanSource) fromView(l *lookup, want int) error {
	v := src.v
	for looked := 0; looked < 4096; looked++ {
		if src.next < 0 || src.next >= len(v.recs) {
			src.v = nil
			return nil
		}
		r := &v.recs[src.next]
		p := v.position(r)
		if p < src.until.from || p > src.until.to {
			src.v = nil
			return nil
		}
		if src.full(want) {
			return nil
		}
		if src.backwards {
			src.next--
		} else {
			src.next++
		}
		name := v.streams[r.stream]
		if !src.scope.wants(name) {
			continue
		}
		if !src.scope.isChange(name) {
			first, err := src.first(l, v, r.stream)
			if err != nil {
				return err
			}
			if r.revision < first {
				continue
			}
		}
		stored := v.bytesOf(r)
		n, client, err := record.ParseNode(name, stored)
		if err != nil {
			return err
		}
		src.out = append(src.out, located{stream: name, node: n, stored: stored, client: client})
		src.bytes += len(stored)
	}
	return nil
}

// first returns the first visible revision of a stream of the view.
func (src *scanSource) first(l *lookup, v *view, stream uint32) (uint64, error) {
	if src.byName {
		return src.ranks.ofName(l, v.streams[stream])
	}
	return src.ranks.ofPlace(l, v, stream)
}

// fromChunk fetches what the chunk lists, event by event.
func (src *scanSource) fromChunk(l *lookup, want int) error {
	s, _ := layerOf(l.s.sealed, src.c.first)
	for !src.full(want) && src.until.from <= src.until.to {
		p := src.until.from
		if src.backwards {
			p = src.until.to
		}
		if p < src.c.first || p >= src.c.first+firn.Position(len(src.c.events)) {
			var err error
			if src.c, err = readChunk(l.db, s, p); err != nil {
				return err
			}
		}
		if src.backwards {
			src.until.to--
		} else {
			src.until.from++
		}
		name, revision := src.c.at(p)
		if !src.scope.wants(name) {
			continue
		}
		if !src.scope.isChange(name) {
			first, err := src.ranks.ofName(l, name)
			if err != nil {
				return err
			}
			if revision < first {
				continue
			}
		}
		found, err := l.event(s.number, name, revision, p)
		if err != nil {
			return err
		}
		src.fetched++
		if found.stored == nil {
			continue // removed since this read began
		}
		src.out = append(src.out, found)
		src.bytes += len(found.stored)
	}
	if src.until.from > src.until.to {
		src.c = nil
	}
	return nil
}
