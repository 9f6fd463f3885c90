package wire

import (
	"time"

	"github.com/firndb/firn"
)

// Head asks for the last position that readers may see.
//
//	[consistency]
type Head struct{ Consistency firn.Consistency }

func (*Head) Kind() Kind { return KindHead }

func (m *Head) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Head) write(w *writer) {
	w.array(1)
	w.consistency(m.Consistency)
}

func (m *Head) parse(r *reader) {
	later := r.begin(1)
	m.Consistency = r.consistency()
	r.end(later)
}

// HeadAt is the answer.
//
//	[position uint, time]
type HeadAt struct {
	Position firn.Position
	Time     time.Time
}

func (*HeadAt) Kind() Kind { return KindHeadAt }

func (m *HeadAt) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *HeadAt) write(w *writer) {
	w.array(2)
	w.position(m.Position)
	w.time(m.Time)
}

func (m *HeadAt) parse(r *reader) {
	later := r.begin(2)
	m.Position, m.Time = r.position(), r.time()
	r.end(later)
}

// Resolve asks which position a point in time is.
//
//	[point, consistency]
type Resolve struct {
	Point       firn.Point
	Consistency firn.Consistency
}

func (*Resolve) Kind() Kind { return KindResolve }

func (m *Resolve) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Resolve) write(w *writer) {
	w.array(2)
	w.point(m.Point)
	w.consistency(m.Consistency)
}

func (m *Resolve) parse(r *reader) {
	later := r.begin(2)
	m.Point, m.Consistency = r.point(), r.consistency()
	r.end(later)
}

// Resolved is the answer.
//
//	[position uint, open bool]
type Resolved struct {
	Position firn.Position // the last event not after the point; 0: there is none
	Open     bool          // later events could still fall into the moment
}

func (*Resolved) Kind() Kind { return KindResolved }

func (m *Resolved) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Resolved) write(w *writer) {
	w.array(2)
	w.position(m.Position)
	w.bool(m.Open)
}

func (m *Resolved) parse(r *reader) {
	later := r.begin(2)
	m.Position, m.Open = r.position(), r.bool()
	r.end(later)
}
