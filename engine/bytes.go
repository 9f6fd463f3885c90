package engine

import (
	"encoding/binary"

	"github.com/firndb/firn"
)

// reader walks over a value. The first fault stays, and everything read after
// it is zero.
type reader struct {
	rest   []byte
	failed bool
}

// readValue begins to read a value, whose first byte must be valueVersion.
func readValue(value []byte) reader {
	if len(value) == 0 || value[0] != valueVersion {
		return reader{failed: true}
	}
	return reader{rest: value[1:]}
}

func (r *reader) fail() { r.failed, r.rest = true, nil }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) uint32() uint32 {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.fail()
		return 0
	}
	return uint32(v)
}

// count reads how many things follow. Each takes at least a byte, so a count
// above the bytes that are left is refused before memory is taken for it.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail()
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) bytes() []byte { return r.take(r.count()) }

func (r *reader) fixed64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// done reports whether the value was read without a fault and to its end.
func (r *reader) done() bool { return !r.failed && len(r.rest) == 0 }

func appendBytes[T text](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// damagedValue is the error for a value that cannot be what was written.
func damagedValue(key, value []byte) error {
	return firn.Errorf(firn.ErrDamaged, "the value of key %q (%d bytes) is not what was written; restore this node from another replica or a backup", key, len(value))
}
