package command

import (
	"encoding/binary"
	"time"

	"github.com/firndb/firn"
)

// Change changes a stream's life.
//
//	actor        uvarint length, bytes
//	id           16 bytes, of the event that will record the change
//	stream       uvarint length, bytes
//	expectation  as in Append
//	life         1 byte:
//	             1 delete
//	             2 tombstone
//	             3 truncate: before, uvarint
//	             4 limits: category uvarint length, bytes; max age in µs,
//	               uvarint; max count, uvarint
//	             5 metadata: uvarint length, bytes
type Change struct {
	Actor  []byte
	ID     firn.ID
	Stream []byte
	Expect firn.Expectation
	Life   firn.Life
}

const (
	lifeDelete    = 1
	lifeTombstone = 2
	lifeTruncate  = 3
	lifeLimits    = 4
	lifeMetadata  = 5
)

func (*Change) kind() Kind { return KindChange }

func (c *Change) appendBody(dst []byte) []byte {
	dst = appendBytes(dst, c.Actor)
	dst = append(dst, c.ID[:]...)
	dst = appendBytes(dst, c.Stream)
	dst = appendExpectation(dst, c.Expect)
	return AppendLife(dst, c.Life)
}

func (c *Change) parseBody(r *reader) {
	c.Actor = r.bytes()
	copy(c.ID[:], r.take(len(c.ID)))
	c.Stream = r.bytes()
	c.Expect = r.expectation()
	c.Life = r.life()
}

// AppendLife appends a change of life in the form drawn at [Change].
func AppendLife(dst []byte, life firn.Life) []byte {
	switch l := life.(type) {
	case firn.Delete:
		return append(dst, lifeDelete)
	case firn.Tombstone:
		return append(dst, lifeTombstone)
	case firn.Truncate:
		return binary.AppendUvarint(append(dst, lifeTruncate), uint64(l.Before))
	case firn.Limits:
		dst = appendBytes(append(dst, lifeLimits), []byte(l.Category))
		dst = binary.AppendUvarint(dst, uint64(l.MaxAge.Microseconds()))
		return binary.AppendUvarint(dst, l.MaxCount)
	case firn.Metadata:
		return appendBytes(append(dst, lifeMetadata), l.Data)
	}
	panic("command: a change of life outside firn.Life's list")
}

// ParseLife parses what AppendLife makes.
func ParseLife(b []byte) (firn.Life, error) {
	r := reader{rest: b}
	life := r.life()
	if r.failed != "" || len(r.rest) > 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "a change of life of %d bytes is malformed", len(b))
	}
	return life, nil
}

func (r *reader) life() firn.Life {
	switch r.byte() {
	case lifeDelete:
		return firn.Delete{}
	case lifeTombstone:
		return firn.Tombstone{}
	case lifeTruncate:
		return firn.Truncate{Before: firn.Revision(r.uvarint())}
	case lifeLimits:
		category, age, count := string(r.bytes()), r.uvarint(), r.uvarint()
		if age > microsMax {
			r.fail("max age")
		}
		return firn.Limits{Category: category, MaxAge: time.Duration(age) * time.Microsecond, MaxCount: count}
	case lifeMetadata:
		return firn.Metadata{Data: r.bytes()}
	}
	r.fail("change of life")
	return nil
}

// microsMax is the longest time.Duration, in µs.
const microsMax = uint64((1<<63 - 1) / time.Microsecond)
