package engine

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/firndb/firn"
)

// idKind says what an entry of a layer's table of ids is the hash of. The
// numbers are written to disk.
type idKind uint8

const (
	idInStream    idKind = 0 // stream, 0x00, id: what identifies an event
	idAlone       idKind = 1
	idCorrelation idKind = 2
	idCausation   idKind = 3
)

// idEntry is one entry: a hash, and place<<2|kind.
type idEntry struct {
	hash  uint64
	place uint32
}

func (e idEntry) kind() idKind { return idKind(e.place & 3) }

// hashInStream is the hash that the window and the kind idInStream go by. The
// buffer is the caller's to use again.
func hashInStream[T text](buf []byte, stream T, id firn.ID) (uint64, []byte) {
	buf = append(append(append(buf[:0], stream...), nameEnd), id[:]...)
	return xxhash.Sum64(buf), buf
}

// hashID hashes the bytes of an id of the other kinds. The kind is hashed with
// it, so that an id that serves as a correlation id too gives two hashes.
func hashID(kind idKind, id []byte) uint64 {
	var buf [1 + firn.TraceBytesMax]byte
	buf[0] = byte(kind)
	return xxhash.Sum64(append(buf[:1], id...))
}

// idsPartEntries is about how many entries a part of a table holds.
const idsPartEntries = 1024

// idsParts returns into how many parts a table of n entries is cut: a power of
// two. A layer's table takes megabytes, and who looks for one id should not
// have to read them all, so a part holds the hashes with the same highest bits
// and is a value of its own.
func idsParts(n int) uint16 {
	parts := max(1, (n+idsPartEntries-1)/idsPartEntries)
	return uint16(min(1<<bits.Len(uint(parts-1)), 1<<15))
}

func idsPart(hash uint64, parts uint16) uint16 {
	return uint16(hash >> 32 * uint64(parts) >> 32)
}

// sortIDs sorts entries as the table holds them.
func sortIDs(entries []idEntry) {
	slices.SortFunc(entries, func(a, b idEntry) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.place, b.place))
	})
}

// The value of c holds the part's entries, sorted by hash, then by place and kind:
//
//	version  1
//	entries  uvarint count, then each: uvarint hash less the hash before it
//	         (the first: less 0), uvarint place<<2|kind
func appendIDs(dst []byte, entries []idEntry) []byte {
	dst = binary.AppendUvarint(append(dst, valueVersion), uint64(len(entries)))
	last := uint64(0)
	for _, e := range entries {
		dst = binary.AppendUvarint(dst, e.hash-last)
		dst = binary.AppendUvarint(dst, uint64(e.place))
		last = e.hash
	}
	return dst
}

func parseIDs(dst []idEntry, key, value []byte) ([]idEntry, error) {
	r := readValue(value)
	last := uint64(0)
	for n := r.count(); n > 0 && !r.failed; n-- {
		step := r.uvarint()
		if step > ^uint64(0)-last {
			r.fail()
		}
		last += step
		dst = append(dst, idEntry{last, r.uint32()})
	}
	if !r.done() {
		return dst, damagedValue(key, value)
	}
	return dst, nil
}
