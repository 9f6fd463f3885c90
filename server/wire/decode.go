package wire

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/firndb/firn"
)

// reader walks over a body from outside. The first fault stays in failed, and
// everything read after it is zero. It reads any MessagePack form of a value,
// not only the shortest, since other libraries write others.
type reader struct {
	rest   []byte
	failed string
}

func (r *reader) fail(where string) {
	if r.failed == "" {
		r.failed = where
	}
	r.rest = nil
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail("lengths: more is announced than there is")
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// number reads a big-endian number of 1, 2, 4 or 8 bytes.
func (r *reader) number(bytes int) uint64 {
	b := r.take(uint64(bytes))
	if b == nil {
		return 0
	}
	switch bytes {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	}
	return binary.BigEndian.Uint64(b)
}

// code reads the byte that says what follows.
func (r *reader) code() byte {
	if len(r.rest) == 0 {
		r.fail("end: it is cut short")
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}

func (r *reader) isNil() bool {
	if len(r.rest) > 0 && r.rest[0] == codeNil {
		r.rest = r.rest[1:]
		return true
	}
	return false
}

func (r *reader) bool() bool {
	switch r.code() {
	case codeTrue:
		return true
	case codeFalse:
		return false
	}
	r.fail("booleans")
	return false
}

// integer reads an integer. Where negative is true, the value is int64(v).
func (r *reader) integer() (v uint64, negative bool) {
	switch c := r.code(); {
	case c < 0x80:
		return uint64(c), false
	case c >= fixNeg:
		return uint64(int64(int8(c))), true
	case c >= codeUint8 && c < codeUint8+4:
		return r.number(1 << (c - codeUint8)), false
	case c >= codeInt8 && c <= codeInt64:
		bytes := 1 << (c - codeInt8)
		shift := 64 - 8*bytes
		signed := int64(r.number(bytes)<<shift) >> shift
		return uint64(signed), signed < 0
	}
	r.fail("integers")
	return 0, false
}

func (r *reader) uint() uint64 {
	v, negative := r.integer()
	if negative {
		r.fail("integers: one is negative")
		return 0
	}
	return v
}

func (r *reader) int() int64 {
	v, negative := r.integer()
	if !negative && v > math.MaxInt64 {
		r.fail("integers: one is over 63 bits")
		return 0
	}
	return int64(v)
}

// array reads how many values follow. Each takes at least a byte, so a count
// above the bytes that are left is refused before memory is taken for it.
func (r *reader) array() int {
	var n uint64
	switch c := r.code(); {
	case c&0xf0 == fixArray:
		n = uint64(c & 0x0f)
	case c == codeArr16:
		n = r.number(2)
	case c == codeArr32:
		n = r.number(4)
	default:
		r.fail("arrays")
	}
	if n > uint64(len(r.rest)) {
		r.fail("counts: more is announced than there is")
		return 0
	}
	return int(n)
}

// list is array for values that take more memory than bytes on the wire: a
// count over the limit is refused.
func (r *reader) list(limit int) int {
	n := r.array()
	if n > limit {
		r.fail("counts: one is over its limit")
		return 0
	}
	return n
}

// begin reads the head of an array of fields, of which the first known ones
// are read next. end passes over those that a later release has added.
func (r *reader) begin(known int) (later int) {
	n := r.array()
	if n < known {
		r.fail("fields: some are missing")
		return 0
	}
	return n - known
}

func (r *reader) end(later int) { r.skip(later) }

// skip passes over n values. What is nested is counted, not recursed into.
func (r *reader) skip(n int) {
	for left := uint64(n); left > 0 && r.failed == ""; left-- {
		switch c := r.code(); {
		case c < 0x80, c >= fixNeg, c == codeNil, c == codeFalse, c == codeTrue:
		case c&0xf0 == fixArray:
			left += uint64(c & 0x0f)
		case c >= fixStr && c < codeNil:
			r.take(uint64(c & 0x1f))
		case c >= codeBin8 && c <= codeBin32:
			r.take(r.number(1 << (c - codeBin8)))
		case c >= codeUint8 && c < codeUint8+4:
			r.take(1 << (c - codeUint8))
		case c >= codeInt8 && c <= codeInt64:
			r.take(1 << (c - codeInt8))
		case c >= codeStr8 && c <= codeStr32:
			r.take(r.number(1 << (c - codeStr8)))
		case c == codeArr16, c == codeArr32:
			left += r.number(2 << (c - codeArr16))
		default:
			r.fail("fields: one is of a sort that the protocol does not use")
		}
	}
}

// text reads str without copying it.
func (r *reader) text() []byte {
	switch c := r.code(); {
	case c&0xe0 == fixStr:
		return r.take(uint64(c & 0x1f))
	case c >= codeStr8 && c <= codeStr32:
		return r.take(r.number(1 << (c - codeStr8)))
	}
	r.fail("strings")
	return nil
}

func (r *reader) string() string { return string(r.text()) }

// bin reads bin without copying it.
func (r *reader) bin() []byte {
	c := r.code()
	if c < codeBin8 || c > codeBin32 {
		r.fail("bytes")
		return nil
	}
	return r.take(r.number(1 << (c - codeBin8)))
}

func (r *reader) strings(limit int) []string {
	n := r.list(limit)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}

// The words: the inverses of those in encode.go.

func (r *reader) id() (id [16]byte) {
	if r.isNil() {
		return id
	}
	b := r.bin()
	if len(b) != len(id) {
		r.fail("ids: one is not of 16 bytes")
		return id
	}
	return [16]byte(b)
}

func (r *reader) time() time.Time {
	if r.isNil() {
		return time.Time{}
	}
	return time.UnixMicro(r.int()).UTC()
}

func (r *reader) expectation() firn.Expectation {
	n := r.begin(1) + 1
	kind, revision := r.uint(), uint64(0)
	if n > 1 {
		revision = r.uint()
		r.end(n - 2)
	}
	if kind > math.MaxUint8 {
		r.fail("expectation")
		return firn.Any
	}
	e, err := firn.ExpectationFromCode(uint8(kind), revision)
	if _, exact := e.Exact(); err != nil || exact != (n > 1) {
		r.fail("expectation")
		return firn.Any
	}
	return e
}

func (r *reader) point() firn.Point {
	n := r.begin(1) + 1
	kind := firn.PointKind(min(r.uint(), math.MaxUint8))
	if numbered := kind >= firn.PointRevision; kind > firn.PointMoment || numbered != (n > 1) {
		r.fail("point")
		return firn.Point{}
	}
	var p firn.Point
	switch kind {
	case firn.PointStart:
		p = firn.StartPoint()
	case firn.PointEnd:
		p = firn.EndPoint()
	case firn.PointRevision:
		p = firn.RevisionPoint(firn.Revision(r.uint()))
	case firn.PointPosition:
		p = firn.PositionPoint(firn.Position(r.uint()))
	case firn.PointMoment:
		p = firn.MomentPoint(time.UnixMicro(r.int()))
	}
	r.end(max(n-2, 0))
	return p
}

func (r *reader) consistency() firn.Consistency {
	later := r.begin(2)
	c := firn.Consistency{Local: r.bool(), AtLeast: firn.Position(r.uint())}
	r.end(later)
	return c
}
