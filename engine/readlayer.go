package engine

import (
	"cmp"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// readLayer reads a layer of count events that begins at first, in one scan.
// With a category only its events are read: they are one range of keys. Every
// record's node part is verified against its key; that every position is there
// can only be verified where the whole layer is read.
func readLayer(db pebble.Reader, layer uint32, first firn.Position, count int, category *string) (*view, error) {
	o := &pebble.IterOptions{LowerBound: appendLayerKey(nil, prefixEvent, layer), UpperBound: appendLayerKey(nil, prefixEvent, layer+1)}
	v := &view{layer: layer, first: first, sorted: true}
	if category == nil {
		v.recs = make([]rec, count)
	} else {
		o.UpperBound = append(slices.Clone(o.LowerBound), *category...)
		o.LowerBound = append(slices.Clone(o.UpperBound), '-')
		o.UpperBound = append(o.UpperBound, '-'+1)
	}
	it, err := db.NewIter(o)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		if err := v.take(it, count, category == nil); err != nil {
			return nil, err
		}
	}
	if err := it.Error(); err != nil {
		return nil, err
	}
	if category != nil {
		slices.SortFunc(v.recs, func(a, b rec) int { return cmp.Compare(a.place, b.place) })
		return v, nil
	}
	for place := range v.recs {
		if v.recs[place].size == 0 {
			return nil, firn.Errorf(firn.ErrDamaged, "layer %d lacks the event at position %d; restore this node from another replica or a backup", layer, first+firn.Position(place))
		}
	}
	return v, nil
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
