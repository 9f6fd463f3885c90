package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// removed reads what is left of the events that were removed from a layer (16).
func (v *verifier) removed(ctx context.Context, s *sealed) (map[string]*removed, error) {
	var left map[string]*removed
	err := v.each(ctx, appendLayerKey(nil, prefixRemoved, s.number), appendLayerKey(nil, prefixRemoved, s.number+1), func(key, value []byte) error {
		_, raw, ok := parseRemovedKey(key)
		r, err := parseRemoved(key, value)
		if !ok || err != nil {
			return v.fault(16, key, "", 0, "what is left of removed events is damaged: %v", err)
		}
		if left == nil {
			left = map[string]*removed{}
		}
		stream := string(raw)
		if left[stream] = r; firn.IsSystem(stream) {
			return v.fault(16, key, stream, r.events[0].position, "events of the system are never removed")
		}
		return v.indexed(s.number, stream, r.first, r.events[0].position)
	})
	return left, err
}

// placeRemoved puts what is left of removed events to its places: records of no
// bytes.
func (v *verifier) placeRemoved(s *sealed, held *view, left map[string]*removed) error {
	for _, stream := range slices.Sorted(maps.Keys(left)) {
		r := left[stream]
		held.streams = append(held.streams, stream)
		for i := range r.events {
			e := &r.events[i]
			if e.position < s.first || e.position > s.last || held.recs[e.position-s.first].size > 0 {
				return v.fault(1, appendRemovedKey(nil, s.number, stream), stream, e.position, "a position that is there twice or lies outside of the layer, which holds %d to %d", s.first, s.last)
			}
			held.recs[e.position-s.first] = rec{revision: r.first + uint64(i), time: e.time, place: uint32(e.position - s.first), stream: uint32(len(held.streams) - 1), size: wasRemoved}
		}
		v.counted.bytes += r.bytes
	}
	return nil
}

// partial checks a layer from which events were removed. Of what was derived from
// them when it was sealed, the summary can only be shown to name all that is left.
func (v *verifier) partial(ctx context.Context, s *sealed, held *view, left map[string]*removed, stated []byte) error {
	if err := v.times(held); err != nil {
		return err
	}
	if err := v.chunks(ctx, s, held, true); err != nil {
		return err
	}
	key := appendLayerKey(nil, prefixLayer, s.number)
	_, digest, sum, err := parseSealed(key, stated)
	if err != nil {
		return err
	}
	kept, total, all := newTail(s.number, s.first), uint64(0), sha256.New()
	for i := range held.recs {
		r := &held.recs[i]
		name := held.streams[r.stream]
		if r.size == wasRemoved {
			gone := left[name]
			at := r.revision - gone.first
			all.Write(gone.events[at].digest[:])
			if gone.hashes != nil {
				kept.ids = append(kept.ids, idEntry{gone.hashes[at], r.place<<2 | uint32(idInStream)})
			}
			continue
		}
		n, draft, err := record.ParseNode(name, held.bytesOf(r))
		if err != nil {
			return err
		}
		d, err := record.ParseDraft(draft)
		if err != nil {
			return err
		}
		all.Write(n.Digest[:])
		total += uint64(r.size)
		kept.identify(name, r.place, &d)
		if category := firn.Category(name); category != "" && !sum.categories.has(category) || !sum.types.has(string(d.Type)) {
			return v.fault(6, key, name, n.Position, "the layer's summary does not name the event's category or type %q", d.Type)
		}
	}
	for _, r := range left {
		total += r.bytes
	}
	if err := v.ids(ctx, s, kept.ids); err != nil {
		return err
	}
	made := sealed{
		number: s.number, first: s.first, last: s.last, bytes: total, parts: s.parts,
		firstTime: held.recs[0].time, lastTime: held.recs[len(held.recs)-1].time,
	}
	if want := made.append(nil, [32]byte(all.Sum(nil)), &sum); !bytes.Equal(stated, want) {
		return v.fault(6, key, "", s.first, "the layer's bounds, bytes or digest %x are not those of its records and of what is left of the removed ones: %x, should be %x", digest, stated, want)
	}
	return nil
}
