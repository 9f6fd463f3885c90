package command

import (
	"encoding/binary"

	"github.com/firndb/firn"
)

// Append appends to one or more streams, all or none.
//
//	actor   uvarint length, bytes
//	writes  uvarint count, then each:
//	        stream       uvarint length, bytes
//	        expectation  1 byte kind; for an exact one the revision, uvarint
//	        records      uvarint count, then each: uvarint length, client part
type Append struct {
	Actor  []byte
	Writes []Write
}

// Write is one stream's part. Without records it is only a condition.
type Write struct {
	Stream  []byte
	Expect  firn.Expectation
	Records [][]byte // the client parts, see package record
}

func (*Append) kind() Kind { return KindAppend }

func (a *Append) appendBody(dst []byte) []byte {
	size := 16 + len(a.Actor)
	for i := range a.Writes {
		size += 32 + len(a.Writes[i].Stream)
		for _, r := range a.Writes[i].Records {
			size += 4 + len(r)
		}
	}
	if dst == nil {
		dst = make([]byte, 0, size)
	}
	dst = appendBytes(dst, a.Actor)
	dst = binary.AppendUvarint(dst, uint64(len(a.Writes)))
	for i := range a.Writes {
		w := &a.Writes[i]
		dst = appendBytes(dst, w.Stream)
		dst = appendExpectation(dst, w.Expect)
		dst = binary.AppendUvarint(dst, uint64(len(w.Records)))
		for _, r := range w.Records {
			dst = appendBytes(dst, r)
		}
	}
	return dst
}

func (a *Append) parseBody(r *reader) {
	a.Actor = r.bytes()
	a.Writes = make([]Write, r.count())
	for i := range a.Writes {
		w := &a.Writes[i]
		w.Stream = r.bytes()
		w.Expect = r.expectation()
		w.Records = make([][]byte, r.count())
		for j := range w.Records {
			w.Records[j] = r.bytes()
		}
	}
}
