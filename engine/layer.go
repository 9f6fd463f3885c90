package engine

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// sealed is a layer that is complete, as every engine keeps it in memory: about
// 64 bytes for 65,536 events.
type sealed struct {
	number      uint32
	first, last firn.Position
	firstTime   int64
	lastTime    int64
	bytes       uint64 // of its records
	parts       uint16 // into how many parts its table of ids is cut
}

func (s *sealed) count() int { return int(s.last - s.first + 1) }

// summary names what is in a layer, so that a reader who looks for something
// else can pass it by. It is capped: a layer with more names is always looked
// into.
type summary struct {
	categories, types names
}

// summaryNamesMax caps the names of either sort.
const summaryNamesMax = 256

// names are the first different ones, in the order in which they came.
type names struct {
	list []string
	more bool // there were others
}

func (n *names) has(name string) bool { return n.more || slices.Contains(n.list, name) }

// hasAny reports whether one of the names may be there.
func (n *names) hasAny(wanted ...string) bool { return slices.ContainsFunc(wanted, n.has) }

// hasPrefix reports whether a name that begins so may be there.
func (n *names) hasPrefix(prefix string) bool {
	return n.more || slices.ContainsFunc(n.list, func(name string) bool { return strings.HasPrefix(name, prefix) })
}

// The value of l:
//
//	version           1
//	first, last       uvarint each, positions
//	first, last time  uvarint each, µs since 1970
//	bytes             uvarint, of the records
//	parts             uvarint, of the table of ids
//	digest            32 bytes: SHA-256 of the records' digests, in order of position
//	categories        1 byte 1 if there are more, uvarint count, then each: uvarint length, bytes
//	types             likewise
func (s *sealed) append(dst []byte, digest [32]byte, sum *summary) []byte {
	dst = append(dst, valueVersion)
	for _, n := range []uint64{uint64(s.first), uint64(s.last), uint64(s.firstTime), uint64(s.lastTime), s.bytes, uint64(s.parts)} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = append(dst, digest[:]...)
	return sum.types.append(sum.categories.append(dst))
}

func (n *names) append(dst []byte) []byte {
	more := byte(0)
	if n.more {
		more = 1
	}
	dst = binary.AppendUvarint(append(dst, more), uint64(len(n.list)))
	for _, name := range n.list {
		dst = appendBytes(dst, name)
	}
	return dst
}

func parseSealed(key, value []byte) (s sealed, digest [32]byte, sum summary, err error) {
	r := readValue(value)
	s.first, s.last = firn.Position(r.uvarint()), firn.Position(r.uvarint())
	s.firstTime, s.lastTime = int64(r.uvarint()), int64(r.uvarint())
	s.bytes = r.uvarint()
	parts := r.uvarint()
	copy(digest[:], r.take(len(digest)))
	sum.categories, sum.types = r.names(), r.names()
	if len(key) != 5 || !r.done() || s.first == 0 || s.last < s.first || uint64(s.last-s.first) >= 1<<30 || parts == 0 || parts > 1<<15 {
		return sealed{}, digest, summary{}, damagedValue(key, value)
	}
	s.number, s.parts = binary.BigEndian.Uint32(key[1:]), uint16(parts)
	return s, digest, sum, nil
}

func (r *reader) names() (n names) {
	if more := r.take(1); more != nil {
		n.more = more[0] == 1
	}
	for count := r.count(); count > 0 && !r.failed; count-- {
		n.list = append(n.list, string(r.bytes()))
	}
	return n
}
