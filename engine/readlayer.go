package engine

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// readSealed reads a sealed layer, in one scan. Every record's node part is
// verified against its key, and that every position is there, but for the events
// that were removed.
func readSealed(db pebble.Reader, s *sealed) (*view, error) {
	v, err := readRecords(db, s.number, s.first, s.count())
	if err != nil || v.lacks() < 0 {
		return v, err
	}
	// Removed between the two, an event is in both.
	err = eachRemoved(db, s.number, func(_ string, r *removed) error {
		for i := range r.events {
			place := r.events[i].position - s.first
			if place < firn.Position(s.count()) && v.recs[place].size == 0 {
				v.recs[place].size = wasRemoved
			}
		}
		return nil
	})
	if err == nil {
		err = v.complete()
	}
	v.recs = slices.DeleteFunc(v.recs, func(r rec) bool { return r.size == wasRemoved })
	return v, err
}

// wasRemoved marks the place of a removed event while a layer is read.
const wasRemoved = 1<<32 - 1

// lacks returns the first place without a record, -1 where there is none.
func (v *view) lacks() int {
	return slices.IndexFunc(v.recs, func(r rec) bool { return r.size == 0 })
}

func (v *view) complete() error {
	if place := v.lacks(); place >= 0 {
		return firn.Errorf(firn.ErrDamaged, "layer %d lacks the event at position %d; restore this node from another replica or a backup", v.layer, v.first+firn.Position(place))
	}
	return nil
}

// readOpen reads the open layer of count events, of which none are removed.
func readOpen(db pebble.Reader, layer uint32, first firn.Position, count int) (*view, error) {
	v, err := readRecords(db, layer, first, count)
	if err == nil {
		err = v.complete()
	}
	return v, err
}

// layerKeys returns an iterator over the keys of a prefix that a layer has.
func layerKeys(db pebble.Reader, prefix byte, layer uint32) (*pebble.Iterator, error) {
	return db.NewIter(&pebble.IterOptions{LowerBound: appendLayerKey(nil, prefix, layer), UpperBound: appendLayerKey(nil, prefix, layer+1)})
}

// readRecords reads the records that a layer has, each at its place.
func readRecords(db pebble.Reader, layer uint32, first firn.Position, count int) (*view, error) {
	v := &view{layer: layer, first: first, sorted: true, recs: make([]rec, count)}
	it, err := layerKeys(db, prefixEvent, layer)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		if err := v.take(it, count, true); err != nil {
			return nil, err
		}
	}
	return v, it.Error()
}

// readPart reads of a layer the streams whose names begin in one of the given
// ways, which are sorted and of which none begins with another: each is one
// range of keys.
func readPart(db pebble.Reader, s *sealed, heads []string) (*view, error) {
	v := &view{layer: s.number, first: s.first, sorted: true}
	it, err := layerKeys(db, prefixEvent, s.number)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var prefix []byte
	for _, head := range heads {
		prefix = append(appendLayerKey(prefix[:0], prefixEvent, s.number), head...)
		for ok := it.SeekGE(prefix); ok && bytes.HasPrefix(it.Key(), prefix); ok = it.Next() {
			if err := v.take(it, s.count(), false); err != nil {
				return nil, err
			}
		}
		if err := it.Error(); err != nil {
			return nil, err
		}
	}
	v.recs = byPlace(v.recs, s.count())
	return v, nil
}

// byPlace returns the records, of which no two may have one place, in order of
// place. Where they are a good part of the layer's, laying them out is cheaper
// than sorting them.
func byPlace(recs []rec, count int) []rec {
	if len(recs) < count/16 {
		slices.SortFunc(recs, func(a, b rec) int { return cmp.Compare(a.place, b.place) })
		return recs
	}
	at := make([]uint32, count) // 1 + index in recs
	for i := range recs {
		at[recs[i].place] = uint32(i) + 1
	}
	sorted := make([]rec, 0, len(recs))
	for _, i := range at {
		if i > 0 {
			sorted = append(sorted, recs[i-1])
		}
	}
	return sorted
}

// take takes the record that the iterator stands on: to its place where the
// whole layer is read, else behind those taken before.
func (v *view) take(it *pebble.Iterator, count int, whole bool) error {
	stored, err := it.ValueAndErr()
	if err != nil {
		return err
	}
	_, name, revision, ok := parseEventKey(it.Key())
	if !ok {
		return firn.Errorf(firn.ErrDamaged, "the key %q in layer %d is no event's; restore this node from another replica or a backup", it.Key(), v.layer)
	}
	n, _, err := record.ParseNode(name, stored)
	if err != nil {
		return err
	}
	last := len(v.streams) - 1
	if last < 0 || v.streams[last] != string(name) {
		v.streams = append(v.streams, string(name))
		last++
	}
	place := uint64(n.Position - v.first)
	if uint64(n.Revision) != revision || place >= uint64(count) {
		return firn.Errorf(firn.ErrDamaged, "the key of stream %q, revision %d in layer %d holds the event of position %d, revision %d; restore this node from another replica or a backup",
			name, revision, v.layer, n.Position, n.Revision)
	}
	r := rec{revision: revision, time: n.Time, place: uint32(place), stream: uint32(last), size: uint32(len(stored))}
	r.block, r.offset = v.store(stored)
	if !whole {
		v.recs = append(v.recs, r)
		return nil
	}
	if v.recs[place].size > 0 {
		return firn.Errorf(firn.ErrDamaged, "layer %d holds position %d twice (stream %q, revision %d); restore this node from another replica or a backup", v.layer, n.Position, name, revision)
	}
	v.recs[place] = r
	return nil
}

// tailOf makes the open layer from what was read of it.
func tailOf(v *view) (*tail, error) {
	t := newTail(v.layer, v.first)
	for i := range v.recs {
		r := &v.recs[i]
		name := v.streams[r.stream]
		n, draft, err := record.ParseNode(name, v.bytesOf(r))
		if err != nil {
			return nil, err
		}
		d, err := record.ParseDraft(draft)
		if err != nil {
			return nil, damagedRecord(&n, name, err)
		}
		stream, ok := t.stream(name)
		if !ok {
			stream = t.touch(name)
		}
		t.add(stream, &n, &d, v.bytesOf(r))
	}
	return t, nil
}
