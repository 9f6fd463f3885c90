package engine

import (
	"bytes"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// heldAt returns the event of a stream at a revision that the stream has, nil
// where it is gone: whether this node has removed it already makes no difference.
func (a *applier) heldAt(stream string, revision uint64) (*held, error) {
	if gone, err := a.gone(stream); err != nil || revision < gone {
		return nil, err
	}
	if stored := a.tail.find(stream, revision); stored != nil {
		return parseHeld(stream, stored)
	}
	for i := len(a.pending) - 1; i >= 0; i-- {
		if stored := a.pending[i].find(stream, revision); stored != nil {
			return parseHeld(stream, stored)
		}
	}
	it, err := a.iterator()
	if err != nil {
		return nil, err
	}
	layer, first, err := newestIndex(it, a.key, stream, revision)
	if err != nil {
		return nil, err
	}
	if first == maxRevision {
		return nil, missing(stream, revision, "no layer is known to hold it")
	}
	a.key = appendEventKey(a.key[:0], layer, stream, revision)
	stored, err := get(a.db, a.key)
	if err != nil {
		return nil, err
	}
	if stored == nil {
		return nil, missing(stream, revision, "its layer %d does not hold it", layer)
	}
	return parseHeld(stream, stored)
}

// heldIn returns the event at a position within the window if it is of the
// stream, nil if it is of another. Of one that is removed there is what judging a
// repetition needs.
func (a *applier) heldIn(stream string, p firn.Position) (*held, error) {
	if p >= a.tail.first {
		return a.tail.heldIn(stream, p)
	}
	for _, t := range a.pending {
		if p >= t.first && p < t.first+firn.Position(len(t.recs)) {
			return t.heldIn(stream, p)
		}
	}
	s, ok := layerOf(a.sealed, p)
	if !ok {
		return nil, firn.Errorf(firn.ErrDamaged, "no layer holds position %d", p)
	}
	if c := a.lastChunk; c == nil || p < c.first || p >= c.first+firn.Position(len(c.events)) {
		c, err := readChunk(a.db, s, p)
		if err != nil {
			return nil, err
		}
		a.lastChunk = c
	}
	name, revision := a.lastChunk.at(p)
	if name != stream {
		return nil, nil
	}
	stored, err := get(a.db, appendEventKey(nil, s.number, name, revision))
	if err != nil {
		return nil, err
	}
	if stored != nil {
		return parseHeld(stream, stored)
	}
	r, err := removedFrom(a.db, s.number, name)
	if err == nil && (!r.has(revision) || r.hashes == nil) {
		err = missing(stream, revision, "its layer %d does not hold it", s.number)
	}
	if err != nil {
		return nil, err
	}
	return &held{node: r.node(revision), hash: r.hashes[revision-r.first]}, nil
}

func (t *tail) heldIn(stream string, p firn.Position) (*held, error) {
	r := &t.recs[p-t.first]
	if t.streams[r.stream] != stream {
		return nil, nil
	}
	return parseHeld(stream, t.bytesOf(r))
}

// find returns the record of a stream at a revision, nil where the layer does
// not hold it. Who repeats an append asks for the stream's newest events, so
// it goes back from the end.
func (t *tail) find(stream string, revision uint64) []byte {
	r := t.newest(stream)
	for r != nil && r.revision > revision {
		r = t.before(r)
	}
	if r == nil || r.revision != revision {
		return nil
	}
	return t.bytesOf(r)
}

func parseHeld(stream string, stored []byte) (*held, error) {
	n, draft, err := record.ParseNode(stream, stored)
	if err != nil {
		return nil, err
	}
	d, err := record.ParseDraft(draft)
	if err != nil {
		return nil, damagedRecord(&n, stream, err)
	}
	return &held{node: n, draft: bytes.Clone(draft), id: d.ID}, nil
}

func damagedRecord(n *record.Node, stream string, err error) error {
	return firn.Errorf(firn.ErrDamaged, "event at position %d (stream %q, revision %d): %v; restore this node from another replica or a backup",
		n.Position, stream, n.Revision, err)
}

// missing is the error for an event that must be there. Something missing in a
// damaged file is never taken for a delete.
func missing(stream string, revision uint64, why string, args ...any) error {
	return firn.Errorf(firn.ErrDamaged, "stream %q lacks its event of revision %d: %v; restore this node from another replica or a backup",
		stream, revision, firn.Errorf(firn.ErrDamaged, why, args...))
}
