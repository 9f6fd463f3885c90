package engine

import (
	"bytes"
	"context"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// layers checks layer by layer that the positions are all there (1), the
// records (10), the revisions (2), the index (3) and the times (8), and that
// what was derived from the records when the layer was sealed is what follows
// from them: o (4), c (5) and l (6).
func (v *verifier) layers(ctx context.Context) error {
	var stated [][]byte // the values of l, which are compared when their layer is read
	next := firn.Position(1)
	err := v.each(ctx, []byte{prefixLayer}, []byte{prefixLayer + 1}, func(key, value []byte) error {
		s, _, _, err := parseSealed(key, value)
		if err != nil {
			return v.fault(6, key, "", 0, "%v", err)
		}
		if s.number != uint32(len(v.s.sealed)) || s.first != next {
			if err := v.fault(1, key, "", s.first, "layer %d begins at position %d; after %d layers comes position %d", s.number, s.first, len(v.s.sealed), next); err != nil {
				return err
			}
		}
		next = s.last + 1
		v.s.sealed = append(v.s.sealed, s)
		stated = append(stated, bytes.Clone(value))
		return nil
	})
	if err != nil {
		return err
	}
	p := &v.s.p
	if p.layer != uint32(len(v.s.sealed)) || p.first != next {
		if err := v.fault(1, metaKey(metaApplied), "", p.first, "the open layer is number %d from position %d on; the %d sealed ones end at %d", p.layer, p.first, len(v.s.sealed), next-1); err != nil {
			return err
		}
	}
	// Layers that nothing says are there: events in them would be lost to all readers.
	behind := appendLayerKey(nil, prefixEvent, p.layer+1)
	for _, lower := range [][]byte{behind, appendLayerKey(nil, prefixChunk, p.layer+1), appendLayerKey(nil, prefixIDs, p.layer), appendLayerKey(nil, prefixRemoved, p.layer)} {
		err := v.each(ctx, lower, []byte{lower[0] + 1}, func(key, _ []byte) error {
			return v.fault(11, key, "", 0, "a key of a layer that is not sealed, or behind the open layer %d", p.layer)
		})
		if err != nil {
			return err
		}
	}
	for i := range v.s.sealed {
		if err := v.layer(ctx, &v.s.sealed[i], stated[i]); err != nil {
			return err
		}
	}
	return v.layer(ctx, &sealed{number: p.layer, first: p.first, last: p.head}, nil)
}

// layer checks one layer. stated is its l value, nil for the open layer.
func (v *verifier) layer(ctx context.Context, s *sealed, stated []byte) error {
	if err := v.e.interrupted(ctx); err != nil {
		return err
	}
	known := len(v.report.Faults)
	left, err := v.removed(ctx, s)
	if err != nil {
		return err
	}
	v.within = s
	held, err := v.records(ctx, s, left)
	v.within = nil
	if err != nil {
		return err
	}
	v.report.Layers++
	v.report.Events += uint64(s.count())
	v.tell()
	if len(v.report.Faults) > known {
		return nil // what follows from damaged records says nothing
	}
	if len(left) > 0 {
		return v.partial(ctx, s, held, left, stated)
	}
	t, err := tailOf(held)
	if err != nil {
		return err
	}
	if err := v.times(&t.view); err != nil {
		return err
	}
	if err := v.chunks(ctx, s, &t.view, stated != nil); err != nil || stated == nil {
		return err
	}
	if err := v.ids(ctx, s, t.ids); err != nil {
		return err
	}
	made := sealed{
		number: s.number, first: s.first, last: s.last, bytes: uint64(t.bytes), parts: idsParts(len(t.ids)),
		firstTime: t.firstTime, lastTime: t.recs[len(t.recs)-1].time,
	}
	if want := made.append(nil, [32]byte(t.digest.Sum(nil)), &t.sum); !bytes.Equal(stated, want) {
		key := appendLayerKey(nil, prefixLayer, s.number)
		return v.fault(6, key, "", s.first, "the layer's bounds, bytes, digest or summary are not those of its records: %x, should be %x", stated, want)
	}
	return nil
}

// records reads a layer's records and checks each, and that there is one for
// each position, or what is left of one.
func (v *verifier) records(ctx context.Context, s *sealed, left map[string]*removed) (*view, error) {
	held := &view{layer: s.number, first: s.first, sorted: true, recs: make([]rec, s.count())}
	if err := v.placeRemoved(s, held, left); err != nil {
		return nil, err
	}
	var lastStream string
	var at uint32 // its place in held.streams
	var next uint64
	lower, upper := appendLayerKey(nil, prefixEvent, s.number), appendLayerKey(nil, prefixEvent, s.number+1)
	err := v.each(ctx, lower, upper, func(key, value []byte) error {
		_, raw, revision, ok := parseEventKey(key)
		if !ok {
			return v.fault(11, key, "", 0, "a key under e that is no event's")
		}
		stream := string(raw)
		n, draft, err := record.ParseNode(stream, value)
		if err == nil {
			_, err = record.ParseDraft(draft)
		}
		if err == nil && record.DigestOf(draft) != n.Digest {
			err = firn.Errorf(firn.ErrDamaged, "its digest is not that of its client part")
		}
		if err != nil {
			return v.fault(10, key, stream, n.Position, "revision %d: %v", revision, err)
		}
		if uint64(n.Revision) != revision {
			return v.fault(10, key, stream, n.Position, "under revision %d lies the record of revision %d", revision, n.Revision)
		}
		if stream != lastStream {
			if r := left[stream]; r == nil {
				at = uint32(len(held.streams))
				held.streams = append(held.streams, stream)
				if err := v.indexed(s.number, stream, revision, n.Position); err != nil {
					return err
				}
			} else if at = uint32(slices.Index(held.streams, stream)); revision != r.end() {
				if err := v.fault(2, key, stream, n.Position, "what was removed ends with revision %d; then comes revision %d", r.end()-1, revision); err != nil {
					return err
				}
			}
		} else if revision != next {
			if err := v.fault(2, key, stream, n.Position, "after revision %d comes revision %d", next-1, revision); err != nil {
				return err
			}
		}
		lastStream, next = stream, revision+1
		if firn.IsSystem(stream) {
			v.counted.systemEvents++
		}
		v.counted.bytes += uint64(len(value))
		if n.Position < s.first || n.Position > s.last {
			return v.fault(1, key, stream, n.Position, "a position outside of the layer, which holds %d to %d", s.first, s.last)
		}
		r := &held.recs[n.Position-s.first]
		if r.size != 0 {
			return v.fault(1, key, stream, n.Position, "the position is there twice, also as revision %d of stream %q", r.revision, held.streams[r.stream])
		}
		*r = rec{revision: revision, time: n.Time, place: uint32(n.Position - s.first), stream: at, size: uint32(len(value))}
		r.block, r.offset = held.store(value)
		return nil
	})
	for i := range held.recs {
		if err == nil && held.recs[i].size == 0 {
			err = v.fault(1, lower, "", s.first+firn.Position(i), "no event is at the position")
		}
	}
	return held, err
}

// indexed checks that the stream's first event in a layer is in the index (3).
func (v *verifier) indexed(layer uint32, stream string, first uint64, p firn.Position) error {
	key := appendIndexKey(nil, stream, first)
	value, err := get(v.db, key)
	if err != nil {
		return v.unreadable(key, err)
	}
	if value == nil {
		return v.fault(3, key, stream, p, "layer %d holds the stream from revision %d on, the index does not say so", layer, first)
	}
	if number, err := parseNumber(key, value); err != nil || number != uint64(layer) {
		return v.fault(3, key, stream, p, "layer %d holds the stream from revision %d on, the index says layer %d (%v)", layer, first, number, err)
	}
	return nil
}

func (v *verifier) times(t *view) error {
	for i := range t.recs {
		if r := &t.recs[i]; r.time < v.lastTime {
			name := t.streams[r.stream]
			err := v.fault(8, appendEventKey(nil, t.layer, name, r.revision), name, t.position(r), "its time is %d, that of the event before it %d (µs)", r.time, v.lastTime)
			if err != nil {
				return err
			}
		}
		v.lastTime = t.recs[i].time
	}
	return nil
}

// chunks checks a layer's o values. The open layer has those that are complete.
func (v *verifier) chunks(ctx context.Context, s *sealed, t *view, complete bool) error {
	from, end := 0, len(t.recs)
	if !complete {
		end -= end % chunkEvents
	}
	lower, upper := appendLayerKey(nil, prefixChunk, s.number), appendLayerKey(nil, prefixChunk, s.number+1)
	err := v.each(ctx, lower, upper, func(key, value []byte) error {
		want := appendChunkKey(nil, s.number, s.first+firn.Position(from))
		if !bytes.Equal(key, want) || from >= end {
			return v.fault(4, key, "", s.first+firn.Position(from), "the next list of events should be at key %q, up to position %d", want, s.first+firn.Position(end)-1)
		}
		to := min(from+chunkEvents, end)
		if !bytes.Equal(value, appendChunk(nil, t, from, to)) {
			return v.fault(4, key, "", s.first+firn.Position(from), "the list of events is not that of the records")
		}
		from = to
		return nil
	})
	if err == nil && from < end {
		err = v.fault(4, appendChunkKey(nil, s.number, s.first+firn.Position(from)), "", s.first+firn.Position(from), "the list of events is missing")
	}
	return err
}

// ids checks a layer's c values.
func (v *verifier) ids(ctx context.Context, s *sealed, entries []idEntry) error {
	dealt := dealIDs(entries, s.parts)
	next := 0
	lower, upper := appendLayerKey(nil, prefixIDs, s.number), appendLayerKey(nil, prefixIDs, s.number+1)
	err := v.each(ctx, lower, upper, func(key, value []byte) error {
		if next >= len(dealt) || !bytes.Equal(key, appendIDsKey(nil, s.number, uint16(next))) {
			return v.fault(5, key, "", s.first, "the next part of the table of ids should be %d of %d", next, len(dealt))
		}
		if !bytes.Equal(value, appendIDs(nil, dealt[next])) {
			return v.fault(5, key, "", s.first, "the part of the table of ids is not that of the records")
		}
		next++
		return nil
	})
	if err == nil && next < len(dealt) {
		err = v.fault(5, appendIDsKey(nil, s.number, uint16(next)), "", s.first, "a part of the table of ids is missing")
	}
	return err
}
