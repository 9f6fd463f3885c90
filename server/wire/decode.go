package wire

import (
	"bufio"
	"io"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// reader walks over a body from outside with the MessagePack library, value by
// value. The first fault stays in failed, and everything read after it is zero.
// It reads any MessagePack form of a value, not only the shortest, since other
// libraries write others.
//
// The library trusts its input more than a port may, so each value is looked at
// before the library has it: it takes nil for any value and bytes for a string,
// wraps a negative number around where an unsigned one is asked for, takes
// memory for strings and bytes as they are announced, and recurses where it
// skips arrays. Of strings and bytes it therefore reads only the lengths, of
// arrays only the counts; both are held against the bytes that are left.
type reader struct {
	body   []byte
	at     int // what comes before was read
	failed string
	dec    *msgpack.Decoder // reads from this reader
}

var readers = sync.Pool{New: func() any { return newReader() }}

func newReader() *reader {
	r := new(reader)
	r.dec = msgpack.NewDecoder(r)
	return r
}

// reset begins with another body; nil lets go of the last one.
func (r *reader) reset(body []byte) { r.body, r.at, r.failed = body, 0, "" }

// Read, ReadByte and UnreadByte are the library's way to the body. With the
// last two it keeps no buffer of its own.

func (r *reader) Read(b []byte) (int, error) {
	if r.at == len(r.body) {
		return 0, io.EOF
	}
	n := copy(b, r.body[r.at:])
	r.at += n
	return n, nil
}

func (r *reader) ReadByte() (byte, error) {
	if r.at == len(r.body) {
		return 0, io.EOF
	}
	r.at++
	return r.body[r.at-1], nil
}

func (r *reader) UnreadByte() error {
	if r.at == 0 {
		return bufio.ErrInvalidUnreadByte
	}
	r.at--
	return nil
}

func (r *reader) fail(where string) {
	if r.failed == "" {
		r.failed = where
	}
	r.at = len(r.body)
}

// finish says where the body is malformed, if it is: also at bytes behind it.
func (r *reader) finish() string {
	if r.failed == "" && r.left() > 0 {
		r.fail("end: bytes are left over")
	}
	return r.failed
}

func (r *reader) left() int { return len(r.body) - r.at }

// code looks at the byte that says what the next value is.
func (r *reader) code() byte {
	if r.at == len(r.body) {
		r.fail("end: it is cut short")
		return 0
	}
	return r.body[r.at]
}

func isUnsigned(code byte) bool {
	return code <= msgpcode.PosFixedNumHigh || code >= msgpcode.Uint8 && code <= msgpcode.Uint64
}

func isSigned(code byte) bool {
	return code >= msgpcode.NegFixedNumLow || code >= msgpcode.Int8 && code <= msgpcode.Int64
}

func isArray(code byte) bool {
	return msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32
}

// check takes what the library says about a value whose code was looked at:
// all that can still be wrong is that it is cut short.
func (r *reader) check(err error) bool {
	if err != nil {
		r.fail("lengths: more is announced than there is")
	}
	return err == nil
}

// take takes the n bytes of a string or of bytes, without copying them.
func (r *reader) take(n int, err error) []byte {
	if !r.check(err) {
		return nil
	}
	if n < 0 || n > r.left() { // below 0: a length of 32 bits in an int of 32 bits
		r.fail("lengths: more is announced than there is")
		return nil
	}
	b := r.body[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}

func (r *reader) isNil() bool {
	if r.left() > 0 && r.code() == msgpcode.Nil {
		r.at++
		return true
	}
	return false
}

func (r *reader) bool() bool {
	if c := r.code(); c != msgpcode.True && c != msgpcode.False {
		r.fail("booleans")
		return false
	}
	v, err := r.dec.DecodeBool()
	return r.check(err) && v
}

// integer reads an integer. Where negative is true, the value is int64(v).
func (r *reader) integer() (v uint64, negative bool) {
	var err error
	switch c := r.code(); {
	case isUnsigned(c):
		v, err = r.dec.DecodeUint64()
	case isSigned(c):
		var signed int64
		signed, err = r.dec.DecodeInt64()
		v, negative = uint64(signed), signed < 0
	default:
		r.fail("integers")
	}
	if !r.check(err) {
		return 0, false
	}
	return v, negative
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
	if !negative && int64(v) < 0 {
		r.fail("integers: one is over 63 bits")
		return 0
	}
	return int64(v)
}

// array reads how many values follow. Each takes at least a byte, so a count
// above the bytes that are left is refused before memory is taken for it.
func (r *reader) array() int {
	if !isArray(r.code()) {
		r.fail("arrays")
		return 0
	}
	n, err := r.dec.DecodeArrayLen()
	if !r.check(err) {
		return 0
	}
	if n < 0 || n > r.left() { // below 0: a count of 32 bits in an int of 32 bits
		r.fail("counts: more is announced than there is")
		return 0
	}
	return n
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

// end passes over n values. What is nested is counted, not recursed into.
func (r *reader) end(n int) {
	for left := uint64(n); left > 0 && r.failed == ""; left-- {
		switch c := r.code(); {
		case isArray(c):
			left += uint64(r.array())
		case msgpcode.IsString(c):
			r.text()
		case msgpcode.IsBin(c):
			r.bin()
		case c == msgpcode.Nil, c == msgpcode.False, c == msgpcode.True:
			r.at++
		case isUnsigned(c), isSigned(c):
			r.integer()
		default:
			r.fail("fields: one is of a sort that the protocol does not use")
		}
	}
}

// text reads str without copying it.
func (r *reader) text() []byte {
	if !msgpcode.IsString(r.code()) {
		r.fail("strings")
		return nil
	}
	return r.take(r.dec.DecodeBytesLen())
}

func (r *reader) string() string { return string(r.text()) }

// bin reads bin without copying it.
func (r *reader) bin() []byte {
	if !msgpcode.IsBin(r.code()) {
		r.fail("bytes")
		return nil
	}
	return r.take(r.dec.DecodeBytesLen())
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
