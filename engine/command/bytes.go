package command

import (
	"encoding/binary"

	"github.com/firndb/firn"
)

func appendBytes(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

func appendExpectation(dst []byte, e firn.Expectation) []byte {
	kind, revision := e.Code()
	dst = append(dst, kind)
	if _, exact := e.Exact(); exact {
		dst = binary.AppendUvarint(dst, revision)
	}
	return dst
}

// reader walks over bytes. The first fault stays in failed, and everything
// read after it is zero.
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

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail("numbers")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads how many things follow. Each takes at least a byte, so a count
// above the bytes that are left is refused before memory is taken for it.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail("counts")
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte { return r.take(int(min(r.uvarint(), 1<<31))) }

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail("lengths")
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) expectation() firn.Expectation {
	kind, revision := r.byte(), uint64(0)
	if probe, err := firn.ExpectationFromCode(kind, 0); err == nil {
		if _, exact := probe.Exact(); exact {
			revision = r.uvarint()
		}
	}
	e, err := firn.ExpectationFromCode(kind, revision)
	if err != nil {
		r.fail("expectation")
	}
	return e
}
