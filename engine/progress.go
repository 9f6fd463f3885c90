package engine

import (
	"encoding/binary"

	"github.com/firndb/firn"
)

// progress is the one value that every batch rewrites: how far the store has
// come. It lies in the same batch as what it speaks of, so an entry is applied
// once, crash or not.
//
//	version     1
//	index       uvarint, of the last entry applied
//	term        uvarint
//	chain       8 bytes, the hash after that entry
//	head        uvarint
//	time        uvarint, µs since 1970, of the last event
//	layer       uvarint, the open one
//	first       uvarint, its first position
//	totals      uvarint each: system events, streams, system streams, bytes of
//	            records, changes of life, limits set on categories, snapshots
type progress struct {
	index, term uint64
	chain       uint64
	head        firn.Position
	time        int64
	layer       uint32
	first       firn.Position
	totals      totals
}

// totals count what was ever written, but for the snapshots; what is hidden by
// now is in them.
type totals struct {
	systemEvents  uint64
	streams       uint64
	systemStreams uint64
	bytes         uint64
	changes       uint64
	shared        uint64 // changes of the limits of categories
	snapshots     uint64 // that are kept now
}

func (p *progress) append(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, p.index)
	dst = binary.AppendUvarint(dst, p.term)
	dst = binary.BigEndian.AppendUint64(dst, p.chain)
	for _, n := range []uint64{
		uint64(p.head), uint64(p.time), uint64(p.layer), uint64(p.first),
		p.totals.systemEvents, p.totals.streams, p.totals.systemStreams, p.totals.bytes, p.totals.changes, p.totals.shared, p.totals.snapshots,
	} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func parseProgress(value []byte) (progress, error) {
	r := readValue(value)
	p := progress{index: r.uvarint(), term: r.uvarint(), chain: r.fixed64()}
	p.head, p.time = firn.Position(r.uvarint()), int64(r.uvarint())
	p.layer, p.first = r.uint32(), firn.Position(r.uvarint())
	p.totals = totals{
		systemEvents: r.uvarint(), streams: r.uvarint(), systemStreams: r.uvarint(),
		bytes: r.uvarint(), changes: r.uvarint(), shared: r.uvarint(), snapshots: r.uvarint(),
	}
	if !r.done() || p.first == 0 || p.first > p.head+1 {
		return progress{}, damagedValue(metaKey(metaApplied), value)
	}
	return p, nil
}

// append encodes the settings: version 1, then layer events, layer bytes and
// window, uvarint each.
func (s *Settings) append(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, uint64(s.LayerEvents))
	dst = binary.AppendUvarint(dst, uint64(s.LayerBytes))
	return binary.AppendUvarint(dst, s.Window)
}

func parseSettings(value []byte) (Settings, error) {
	r := readValue(value)
	events, size, window := r.uvarint(), r.uvarint(), r.uvarint()
	if !r.done() || events == 0 || events > layerEventsMax || size == 0 || size > layerBytesMax || window == 0 || window > windowMax {
		return Settings{}, damagedValue(metaKey(metaSettings), value)
	}
	return Settings{LayerEvents: int(events), LayerBytes: int(size), Window: window}, nil
}

// identity is what Found has set: version 1, cluster, history, 16 bytes each.
type identity struct{ cluster, history [16]byte }

func (i *identity) append(dst []byte) []byte {
	dst = append(dst, valueVersion)
	return append(append(dst, i.cluster[:]...), i.history[:]...)
}

func parseIdentity(value []byte) (i identity, err error) {
	r := readValue(value)
	copy(i.cluster[:], r.take(len(i.cluster)))
	copy(i.history[:], r.take(len(i.history)))
	if !r.done() {
		return identity{}, damagedValue(metaKey(metaIdentity), value)
	}
	return i, nil
}

// appendNumber encodes a value that is one number: version 1, uvarint.
func appendNumber(dst []byte, n uint64) []byte {
	return binary.AppendUvarint(append(dst, valueVersion), n)
}

func parseNumber(key, value []byte) (uint64, error) {
	r := readValue(value)
	n := r.uvarint()
	if !r.done() {
		return 0, damagedValue(key, value)
	}
	return n, nil
}
