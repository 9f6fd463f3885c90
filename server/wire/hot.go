package wire

import (
	"encoding/binary"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/firndb/firn"
)

// By hand, and not through the library, is only what every event pays for: the
// writing of Append and Events, and the walk over the items of Events. The
// library writes a value through an interface and reads a length byte by byte
// through another, which is 10 to 20 ns a value. In a message of its own that is
// lost beside the message; in a scan of everything, where a node and a client
// spend 600 ns on an event, it is 5 % (BenchmarkReadAll of the TCP door).
// Append and Events are also written around records that are encoded in place.
//
// The bytes are those that the library writes; TestHotForms compares them.

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(dst, byte(v))
	case v < 1<<8:
		return append(dst, msgpcode.Uint8, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, msgpcode.Uint16), uint16(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, msgpcode.Uint32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, msgpcode.Uint64), v)
}

func appendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, msgpcode.FixedArrayLow|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, msgpcode.Array16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, msgpcode.Array32), uint32(n))
}

func appendString(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, msgpcode.FixedStrLow|byte(n))
	case n < 1<<8:
		dst = append(dst, msgpcode.Str8, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, msgpcode.Str16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, msgpcode.Str32), uint32(n))
	}
	return append(dst, s...)
}

func appendBin(dst []byte, b []byte) []byte {
	switch n := len(b); {
	case n < 1<<8:
		dst = append(dst, msgpcode.Bin8, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, msgpcode.Bin16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, msgpcode.Bin32), uint32(n))
	}
	return append(dst, b...)
}

// appendExpectation writes what writer.expectation does.
func appendExpectation(dst []byte, e firn.Expectation) []byte {
	kind, revision := e.Code()
	if _, exact := e.Exact(); exact {
		return appendUint(appendUint(appendArray(dst, 2), uint64(kind)), revision)
	}
	return appendUint(appendArray(dst, 1), uint64(kind))
}

// item reads a str, for which name is true, or a bin: what text and bin do.
func (r *reader) item() (b []byte, name bool) {
	c, rest := r.code(), r.body[r.at:]
	var size int // of the length
	switch c {
	case msgpcode.Str8, msgpcode.Bin8:
		size = 1
	case msgpcode.Str16, msgpcode.Bin16:
		size = 2
	case msgpcode.Str32, msgpcode.Bin32:
		size = 4
	default:
		if !msgpcode.IsFixedString(c) {
			r.fail("items: one is neither a name nor a record")
			return nil, false
		}
		r.at++
		return r.take(int(c&msgpcode.FixedStrMask), nil), true
	}
	if len(rest) <= size {
		r.fail("lengths: more is announced than there is")
		return nil, false
	}
	n := 0
	for _, b := range rest[1 : 1+size] {
		n = n<<8 | int(b)
	}
	r.at += 1 + size
	return r.take(n, nil), !msgpcode.IsBin(c)
}
