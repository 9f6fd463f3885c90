package wire

import (
	"math"

	"github.com/firndb/firn"
)

// Change changes a stream as a whole. The id is that of the event that will
// record the change; a repetition with the same id changes nothing more.
//
//	[stream str, id, expectation, life]
//
//	life = [1] delete | [2] tombstone | [3, before uint] truncate
//	     | [4, category str, max age uint (µs), max count uint] limits | [5, data bin] metadata
type Change struct {
	Stream string
	ID     firn.ID
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

func (*Change) Kind() Kind { return KindChange }

func (m *Change) AppendBody(dst []byte) []byte {
	dst = appendString(appendArray(dst, 4), m.Stream)
	dst = appendID(dst, m.ID)
	dst = appendExpectation(dst, m.Expect)
	switch l := m.Life.(type) {
	case firn.Delete:
		return appendUint(appendArray(dst, 1), lifeDelete)
	case firn.Tombstone:
		return appendUint(appendArray(dst, 1), lifeTombstone)
	case firn.Truncate:
		return appendUint(appendUint(appendArray(dst, 2), lifeTruncate), uint64(l.Before))
	case firn.Limits:
		dst = appendString(appendUint(appendArray(dst, 4), lifeLimits), l.Category)
		dst = appendUint(dst, uint64(l.MaxAge.Microseconds()))
		return appendUint(dst, l.MaxCount)
	case firn.Metadata:
		return appendBin(appendUint(appendArray(dst, 2), lifeMetadata), l.Data)
	}
	return appendArray(dst, 0) // a nil Life: the other side refuses it as malformed
}

func (m *Change) parse(r *reader) {
	later := r.begin(4)
	m.Stream = r.string()
	m.ID = r.id()
	if m.ID.IsZero() {
		r.fail("id: a change needs one")
	}
	m.Expect = r.expectation()
	m.Life = r.life()
	r.end(later)
}

func (r *reader) life() firn.Life {
	n := r.begin(1)
	var life firn.Life
	used := 0
	switch min(r.uint(), math.MaxUint8) {
	case lifeDelete:
		life = firn.Delete{}
	case lifeTombstone:
		life = firn.Tombstone{}
	case lifeTruncate:
		life, used = firn.Truncate{Before: firn.Revision(r.uint())}, 1
	case lifeLimits:
		life, used = firn.Limits{Category: r.string(), MaxAge: r.duration(), MaxCount: r.uint()}, 3
	case lifeMetadata:
		life, used = firn.Metadata{Data: r.bin()}, 1
	default:
		r.fail("change of life: its number is not known")
	}
	if n < used {
		r.fail("change of life: fields are missing")
	}
	r.end(max(n-used, 0))
	return life
}

// Changed is the answer.
//
//	[position uint]
type Changed struct{ Position firn.Position }

func (*Changed) Kind() Kind { return KindChanged }

func (m *Changed) AppendBody(dst []byte) []byte {
	return appendUint(appendArray(dst, 1), uint64(m.Position))
}

func (m *Changed) parse(r *reader) {
	later := r.begin(1)
	m.Position = firn.Position(r.uint())
	r.end(later)
}
