package engine

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// streamSource yields the events of one stream: for each layer that the stream
// touches one seek, then neighbours.
type streamSource struct {
	stream     string
	backwards  bool
	next, last uint64 // the revisions that are left: next … last, or backwards last … next; both included
	done       bool
}

// newStreamSource returns nil where the stream can be read, but nothing of it
// is wanted or visible.
func newStreamSource(l *lookup, q *firn.Query, b bound) (source, error) {
	st, err := l.status(q.Stream, b)
	if err != nil {
		return nil, err
	}
	if err := st.refusal(q.Stream); err != nil {
		return nil, err
	}
	first, end := st.first, st.next // end is not included
	if q.From.Kind() == firn.PointRevision {
		if revision := uint64(q.From.Revision()); !q.Backwards {
			first = max(first, revision)
		} else if revision < end {
			end = revision + 1
		}
	} else if !q.From.IsZero() {
		p, err := l.begin(q.From, q.Backwards, b.position)
		if err != nil || p.from > p.to {
			return nil, err
		}
		at := p.from - 1
		if q.Backwards {
			at = p.to
		}
		next, err := l.nextAt(q.Stream, at)
		if err != nil {
			return nil, err
		}
		if q.Backwards {
			end = min(end, next)
		} else {
			first = max(first, next)
		}
	}
	if first >= end {
		return nil, nil
	}
	src := &streamSource{stream: q.Stream, backwards: q.Backwards, next: first, last: end - 1}
	if q.Backwards {
		src.next, src.last = end-1, first
	}
	return src, nil
}

func (src *streamSource) fill(ctx context.Context, l *lookup, want int) ([]located, error) {
	if src.done {
		return nil, nil
	}
	it, err := l.iterator()
	if err != nil {
		return nil, err
	}
	b := batch{events: make([]located, 0, want), want: want}
	for !src.done && !b.full() {
		layer, first, err := newestIndex(it, l.buf, src.stream, src.next)
		if err != nil {
			return nil, err
		}
		if first == maxRevision {
			return nil, missing(src.stream, src.next, "no layer is known to hold it")
		}
		if src.backwards {
			err = src.fillBackwards(l, it, &b, layer, first)
		} else {
			err = src.fillForwards(l, it, &b, layer)
		}
		if err != nil {
			return nil, err
		}
	}
	return b.events, nil
}

// fillForwards takes what a layer holds from the next revision on.
func (src *streamSource) fillForwards(l *lookup, it *pebble.Iterator, b *batch, layer uint32) error {
	l.buf = appendEventKey(l.buf[:0], layer, src.stream, src.next)
	start := src.next
	for ok := it.SeekPrefixGE(l.buf); ok; ok = it.Next() {
		if src.next == start && !src.isNext(it) {
			break
		}
		if err := src.take(it, b); err != nil {
			return err
		}
		if src.done || b.full() {
			return nil
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	if src.next == start {
		return src.pass(l, layer)
	}
	return nil
}

// pass goes on behind an event that is not there, if it was removed since the
// read began: what can be removed is hidden, and so is all that comes before it.
func (src *streamSource) pass(l *lookup, layer uint32) error {
	r, err := removedFrom(l.db, layer, src.stream)
	if err == nil && !r.has(src.next) {
		err = missing(src.stream, src.next, "its layer %d does not hold it", layer)
	}
	if err != nil {
		return err
	}
	src.done = src.backwards || r.end() > src.last
	src.next = r.end()
	return nil
}

// fillBackwards takes what a layer holds from the next revision down to the
// first one there.
func (src *streamSource) fillBackwards(l *lookup, it *pebble.Iterator, b *batch, layer uint32, first uint64) error {
	l.buf = appendEventKey(l.buf[:0], layer, src.stream, src.next)
	for ok := it.SeekLT(append(l.buf, 0)); ; ok = it.Prev() {
		if !ok || !src.isNext(it) {
			if err := it.Error(); err != nil {
				return err
			}
			return src.pass(l, layer)
		}
		reached := src.next == first
		if err := src.take(it, b); err != nil {
			return err
		}
		if reached || src.done || b.full() {
			return nil
		}
	}
}

// isNext reports whether the iterator stands on the next event.
func (src *streamSource) isNext(it *pebble.Iterator) bool {
	_, name, revision, ok := parseEventKey(it.Key())
	return ok && string(name) == src.stream && revision == src.next
}

// take takes the record that the iterator stands on, which must be the next one.
func (src *streamSource) take(it *pebble.Iterator, b *batch) error {
	layer, name, revision, ok := parseEventKey(it.Key())
	if !ok || string(name) != src.stream || revision != src.next {
		return missing(src.stream, src.next, "after its neighbour comes the key %q", it.Key())
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return err
	}
	if err := b.add(src.stream, value); err != nil {
		return err
	}
	if n := &b.events[len(b.events)-1].node; uint64(n.Revision) != revision {
		return firn.Errorf(firn.ErrDamaged, "the key of stream %q, revision %d in layer %d holds the event of revision %d (position %d); restore this node from another replica or a backup",
			src.stream, revision, layer, n.Revision, n.Position)
	}
	switch {
	case src.next == src.last:
		src.done = true
	case src.backwards:
		src.next--
	default:
		src.next++
	}
	return nil
}

// batch gathers events, with copies of their records.
type batch struct {
	events []located
	want   int
	bytes  int
	arena  []byte // what is left of it
}

func (b *batch) full() bool { return len(b.events) >= b.want || b.bytes >= batchBytes }

func (b *batch) add(stream string, value []byte) error {
	if len(value) > len(b.arena) {
		// Sized for what is still wanted, going by this record.
		b.arena = make([]byte, max(len(value), min(batchBytes-b.bytes, (b.want-len(b.events))*(len(value)+16))))
	}
	stored := b.arena[:len(value):len(value)]
	b.arena = b.arena[copy(stored, value):]
	n, client, err := record.ParseNode(stream, stored)
	if err != nil {
		return err
	}
	b.bytes += len(stored)
	b.events = append(b.events, located{stream: stream, node: n, stored: stored, client: client})
	return nil
}
