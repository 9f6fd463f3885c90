package wire

import (
	"encoding/binary"
	"time"

	"github.com/firndb/firn"
)

// MessagePack, as far as the protocol uses it: unsigned and signed integers,
// booleans, nil, str, bin and array. Integers and lengths are written in their
// shortest form.
const (
	codeNil   = 0xc0
	codeFalse = 0xc2
	codeTrue  = 0xc3
	codeBin8  = 0xc4
	codeBin16 = 0xc5
	codeBin32 = 0xc6
	codeUint8 = 0xcc
	codeInt8  = 0xd0
	codeInt64 = 0xd3
	codeStr8  = 0xd9
	codeStr16 = 0xda
	codeStr32 = 0xdb
	codeArr16 = 0xdc
	codeArr32 = 0xdd

	fixArray = 0x90 // to 0x9f
	fixStr   = 0xa0 // to 0xbf
	fixNeg   = 0xe0 // to 0xff
)

func appendNil(dst []byte) []byte { return append(dst, codeNil) }

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, codeTrue)
	}
	return append(dst, codeFalse)
}

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(dst, byte(v))
	case v < 1<<8:
		return append(dst, codeUint8, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, codeUint8+1), uint16(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, codeUint8+2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeUint8+3), v)
}

func appendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, byte(v))
	case v >= -1<<7:
		return append(dst, codeInt8, byte(v))
	case v >= -1<<15:
		return binary.BigEndian.AppendUint16(append(dst, codeInt8+1), uint16(v))
	case v >= -1<<31:
		return binary.BigEndian.AppendUint32(append(dst, codeInt8+2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeInt64), uint64(v))
}

func appendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, fixArray|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, codeArr16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, codeArr32), uint32(n))
}

func appendString(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, fixStr|byte(n))
	case n < 1<<8:
		dst = append(dst, codeStr8, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, codeStr16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, codeStr32), uint32(n))
	}
	return append(dst, s...)
}

func appendBin(dst []byte, b []byte) []byte {
	switch n := len(b); {
	case n < 1<<8:
		dst = append(dst, codeBin8, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, codeBin16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, codeBin32), uint32(n))
	}
	return append(dst, b...)
}

func appendStrings(dst []byte, list []string) []byte {
	dst = appendArray(dst, len(list))
	for _, s := range list {
		dst = appendString(dst, s)
	}
	return dst
}

// The words, as MessagePack.

// appendID writes bin of 16 bytes, or nil for the zero id.
func appendID(dst []byte, id [16]byte) []byte {
	if id == ([16]byte{}) {
		return appendNil(dst)
	}
	return appendBin(dst, id[:])
}

// appendTime writes µs since 1970, or nil for the zero time.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return appendNil(dst)
	}
	return appendInt(dst, t.UnixMicro())
}

// appendExpectation writes [kind], or [kind, revision] for an exact one.
func appendExpectation(dst []byte, e firn.Expectation) []byte {
	kind, revision := e.Code()
	if _, exact := e.Exact(); exact {
		return appendUint(appendUint(appendArray(dst, 2), uint64(kind)), revision)
	}
	return appendUint(appendArray(dst, 1), uint64(kind))
}

// appendPoint writes [kind], or [kind, number] for a revision, a position or a
// moment (µs since 1970).
func appendPoint(dst []byte, p firn.Point) []byte {
	switch p.Kind() {
	case firn.PointRevision:
		return appendUint(appendUint(appendArray(dst, 2), uint64(p.Kind())), uint64(p.Revision()))
	case firn.PointPosition:
		return appendUint(appendUint(appendArray(dst, 2), uint64(p.Kind())), uint64(p.Position()))
	case firn.PointMoment:
		return appendInt(appendUint(appendArray(dst, 2), uint64(p.Kind())), p.Moment().UnixMicro())
	}
	return appendUint(appendArray(dst, 1), uint64(p.Kind()))
}

// appendConsistency writes [local, at least].
func appendConsistency(dst []byte, c firn.Consistency) []byte {
	return appendUint(appendBool(appendArray(dst, 2), c.Local), uint64(c.AtLeast))
}
