package engine

import (
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// lookup answers single questions about the store as one seen describes it. It
// is used between enter and leave, by one goroutine, and then closed.
type lookup struct {
	db  pebble.Reader
	s   *seen
	it  *pebble.Iterator // over all keys; made when first needed, so never older than s
	buf []byte

	pending []*tail // layers of s that are in memory only
}

func (l *lookup) iterator() (*pebble.Iterator, error) {
	if l.it == nil {
		it, err := l.db.NewIter(nil)
		if err != nil {
			return nil, err
		}
		l.it = it
	}
	return l.it, nil
}

func (l *lookup) close() {
	if l.it != nil {
		l.it.Close()
		l.it = nil
	}
}

// located is an event that was found by its position.
type located struct {
	stream string
	node   record.Node
	stored []byte // the whole record; nil: the event was removed, and node is what is left of it
	client []byte // its client part
}

// at returns the event at a position from 1 to the head.
func (l *lookup) at(p firn.Position) (located, error) {
	if p >= l.s.tail.first {
		return l.s.tail.at(p)
	}
	for _, t := range l.pending {
		if p >= t.first && p < t.first+firn.Position(len(t.recs)) {
			return t.at(p)
		}
	}
	s, ok := layerOf(l.s.sealed, p)
	if !ok {
		return located{}, firn.Errorf(firn.ErrDamaged, "no layer holds position %d; restore this node from another replica or a backup", p)
	}
	c, err := readChunk(l.db, s, p)
	if err != nil {
		return located{}, err
	}
	stream, revision := c.at(p)
	return l.event(s.number, stream, revision, p)
}

// at returns the event at a position that the view, a whole layer, holds.
func (v *view) at(p firn.Position) (located, error) {
	r := &v.recs[p-v.first]
	return locate(v.streams[r.stream], v.bytesOf(r), p)
}

// event returns the event of a stream and revision, which a layer holds at
// position p.
func (l *lookup) event(layer uint32, stream string, revision uint64, p firn.Position) (located, error) {
	l.buf = appendEventKey(l.buf[:0], layer, stream, revision)
	stored, err := get(l.db, l.buf)
	if err != nil {
		return located{}, err
	}
	if stored == nil {
		r, err := removedFrom(l.db, layer, stream)
		if err == nil && (!r.has(revision) || r.node(revision).Position != p) {
			err = missing(stream, revision, "its layer %d does not hold it, and it should be at position %d", layer, p)
		}
		if err != nil {
			return located{}, err
		}
		return located{stream: stream, node: r.node(revision)}, nil
	}
	return locate(stream, stored, p)
}

func locate(stream string, stored []byte, p firn.Position) (located, error) {
	n, client, err := record.ParseNode(stream, stored)
	if err == nil && n.Position != p {
		err = firn.Errorf(firn.ErrDamaged, "at position %d (stream %q, revision %d) lies the event of position %d; restore this node from another replica or a backup",
			p, stream, n.Revision, n.Position)
	}
	return located{stream: stream, node: n, stored: stored, client: client}, err
}

// nextAt returns the revision that followed the stream's last event at or
// before a position: how many events it then had.
func (l *lookup) nextAt(stream string, p firn.Position) (uint64, error) {
	p = min(p, l.s.p.head)
	it, err := l.iterator()
	if err != nil {
		return 0, err
	}
	for below := maxRevision; ; {
		layer, first, err := newestIndex(it, l.buf, stream, below)
		if err != nil || first == maxRevision {
			return 0, err
		}
		if from, ok := l.s.firstOf(layer); ok && from <= p {
			next, err := l.nextWithin(it, layer, stream, first, below, p)
			if err != nil || next > first {
				return next, err
			}
		}
		if first == 0 {
			return 0, nil
		}
		below = first - 1
	}
}

// nextWithin is nextAt within a layer that holds the stream from a revision on.
func (l *lookup) nextWithin(it *pebble.Iterator, layer uint32, stream string, first, below uint64, p firn.Position) (uint64, error) {
	last, stored, err := lastIn(it, l.buf, layer, stream, below)
	if err != nil {
		return 0, err
	}
	var n record.Node
	if stored != nil && last >= first {
		n, _, err = record.ParseNode(stream, stored)
	} else {
		var r *removed
		if r, err = removedFrom(l.db, layer, stream); err == nil && !r.has(first) {
			err = missing(stream, first, "its layer %d should hold it", layer)
		}
		if err == nil {
			last = min(r.end()-1, below)
			n = r.node(last)
		}
	}
	if err != nil {
		return 0, err
	}
	if n.Position <= p {
		return last + 1, nil
	}
	// Positions grow with revisions: find the first event behind p.
	ahead := sort.Search(int(last-first), func(i int) bool {
		if err != nil {
			return true
		}
		n, err = l.nodeOf(layer, stream, first+uint64(i))
		return err == nil && n.Position > p
	})
	return first + uint64(ahead), err
}

// firstOf returns the first position of a layer; ok is false for one that is
// newer than what may be seen.
func (s *seen) firstOf(layer uint32) (first firn.Position, ok bool) {
	if layer == s.tail.layer {
		return s.tail.first, true
	}
	i, found := slices.BinarySearchFunc(s.sealed, layer, func(s sealed, layer uint32) int {
		return int(int64(s.number) - int64(layer))
	})
	if !found {
		return 0, false
	}
	return s.sealed[i].first, true
}

// positionAt returns the last position whose time is not after a moment, in
// µs; 0 where there is none.
func (l *lookup) positionAt(moment int64) (firn.Position, error) {
	s := l.s
	if s.p.head == 0 {
		return 0, nil
	}
	if s.p.time <= moment {
		return s.p.head, nil
	}
	if recs := s.tail.recs; len(recs) > 0 && recs[0].time <= moment {
		n := sort.Search(len(recs), func(i int) bool { return recs[i].time > moment })
		return s.tail.first + firn.Position(n) - 1, nil
	}
	i := sort.Search(len(s.sealed), func(i int) bool { return s.sealed[i].firstTime > moment })
	if i == 0 {
		return 0, nil
	}
	layer := &s.sealed[i-1]
	if layer.lastTime <= moment {
		return layer.last, nil
	}
	var err error
	n := sort.Search(layer.count(), func(i int) bool {
		if err != nil {
			return true
		}
		var found located
		found, err = l.at(layer.first + firn.Position(i))
		return err != nil || found.node.Time > moment
	})
	return layer.first + firn.Position(n) - 1, err
}

// timeAt returns the time of the event at a position, in µs; 0 for position 0.
func (l *lookup) timeAt(p firn.Position) (int64, error) {
	if p == 0 {
		return 0, nil
	}
	if p == l.s.p.head {
		return l.s.p.time, nil
	}
	found, err := l.at(p)
	return found.node.Time, err
}
