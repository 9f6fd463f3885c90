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

func (m *Change) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Change) write(w *writer) {
	w.array(4)
	w.string(m.Stream)
	w.id(m.ID)
	w.expectation(m.Expect)
	w.life(m.Life)
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

func (w *writer) life(life firn.Life) {
	switch l := life.(type) {
	case firn.Delete:
		w.array(1)
		w.uint(lifeDelete)
	case firn.Tombstone:
		w.array(1)
		w.uint(lifeTombstone)
	case firn.Truncate:
		w.array(2)
		w.uint(lifeTruncate)
		w.revision(l.Before)
	case firn.Limits:
		w.array(4)
		w.uint(lifeLimits)
		w.string(l.Category)
		w.duration(l.MaxAge)
		w.uint(l.MaxCount)
	case firn.Metadata:
		w.array(2)
		w.uint(lifeMetadata)
		w.bin(l.Data)
	default: // a nil Life: the other side refuses it as malformed
		w.array(0)
	}
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
		life, used = firn.Truncate{Before: r.revision()}, 1
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

func (m *Changed) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Changed) write(w *writer) {
	w.array(1)
	w.position(m.Position)
}

func (m *Changed) parse(r *reader) {
	later := r.begin(1)
	m.Position = r.position()
	r.end(later)
}
