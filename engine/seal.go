package engine

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/planted"
)

// writeChunk writes the o value of the places from from on of the open layer.
func (a *applier) writeChunk(from int) error {
	to := min(from+chunkEvents, len(a.tail.recs))
	a.value = appendChunk(a.value[:0], &a.tail.view, from, to)
	a.key = appendChunkKey(a.key[:0], a.tail.layer, a.tail.first+firn.Position(from))
	return a.set(a.key, a.value)
}

// sealIfFull closes the open layer when it is full, or when its end is wanted. It is
// called between two items, so that no append is divided, and depends on nothing but
// what was applied.
func (a *applier) sealIfFull() error {
	t := a.tail
	if len(t.recs) < a.settings.LayerEvents && t.bytes < a.settings.LayerBytes && !a.sealNow {
		return nil
	}
	a.sealNow = false
	if rest := len(t.recs) % chunkEvents; rest > 0 {
		if err := a.writeChunk(len(t.recs) - rest); err != nil {
			return err
		}
	}
	s := sealed{
		number: t.layer, first: t.first, last: a.p.head,
		firstTime: t.firstTime, lastTime: a.p.time,
		bytes: uint64(t.bytes), parts: idsParts(len(t.ids)),
	}
	if planted.Is(planted.LayerSealedShort) { // with one event too few
		s.last--
	}
	if err := a.writeIDs(&s); err != nil {
		return err
	}
	a.key = appendLayerKey(a.key[:0], prefixLayer, s.number)
	a.value = s.append(a.value[:0], [32]byte(t.digest.Sum(nil)), &t.sum)
	if err := a.set(a.key, a.value); err != nil {
		return err
	}
	a.sealed = append(a.sealed, s)
	a.pending = append(a.pending, t)
	a.p.layer++
	a.p.first = a.p.head + 1
	a.tail = newTail(a.p.layer, a.p.first)
	if uint64(a.p.head) > a.settings.Window {
		a.window.drop(a.p.head - firn.Position(a.settings.Window))
	}
	return nil
}

// writeIDs writes the layer's table of ids, part by part.
func (a *applier) writeIDs(s *sealed) error {
	for part, entries := range dealIDs(a.tail.ids, s.parts) {
		a.key = appendIDsKey(a.key[:0], s.number, uint16(part))
		a.value = appendIDs(a.value[:0], entries)
		if err := a.set(a.key, a.value); err != nil {
			return err
		}
	}
	return nil
}

// dealIDs returns a table's parts, sorted. The entries are dealt out by their
// highest bits first, which leaves little to sort.
func dealIDs(entries []idEntry, parts uint16) [][]idEntry {
	dealt := make([][]idEntry, parts)
	for _, e := range entries {
		part := idsPart(e.hash, parts)
		dealt[part] = append(dealt[part], e)
	}
	for _, part := range dealt {
		sortIDs(part)
	}
	return dealt
}
