package wire

import (
	"math"

	"github.com/firndb/firn"
)

// Subscribe asks for events from a point on, and for those that will follow.
// The node answers with Events and Marks frames, in order, as far as the credit
// reaches, and goes on until the call is cancelled or ends with an Error.
//
//	[query, credit uint]
type Subscribe struct {
	Query  firn.Query // as Read draws it
	Credit uint64     // bytes; see Credit
}

func (*Subscribe) Kind() Kind { return KindSubscribe }

func (m *Subscribe) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Subscribe) write(w *writer) {
	w.array(2)
	w.query(&m.Query)
	w.uint(m.Credit)
}

func (m *Subscribe) parse(r *reader) {
	later := r.begin(2)
	m.Query = r.query()
	m.Credit = r.uint()
	r.end(later)
}

// Marks tells a subscriber what is not an event.
//
//	[marks: array of mark]
//
//	mark = [kind uint, at uint, history id, stream str, life or nil, time, actor str]
//
// The last four are empty but in a mark of a change of life, which Change draws.
type Marks struct{ Marks []firn.Mark }

// marksMax bounds the marks of one frame.
const marksMax = 4096

func (*Marks) Kind() Kind { return KindMarks }

func (m *Marks) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Marks) write(w *writer) {
	w.array(1)
	w.array(len(m.Marks))
	for i := range m.Marks {
		k := &m.Marks[i]
		w.array(7)
		w.uint(uint64(k.Kind))
		w.position(k.At)
		w.id(k.History)
		w.string(k.Stream)
		if k.Life == nil {
			w.nil()
		} else {
			w.life(k.Life)
		}
		w.time(k.Time)
		w.string(k.Actor)
	}
}

func (m *Marks) parse(r *reader) {
	later := r.begin(1)
	for range r.list(marksMax) {
		laterMark := r.begin(7)
		k := firn.Mark{Kind: firn.MarkKind(min(r.uint(), math.MaxUint8))}
		k.At, k.History, k.Stream = r.position(), r.id(), r.string()
		if !r.isNil() {
			k.Life = r.life()
		}
		k.Time, k.Actor = r.time(), r.string()
		r.end(laterMark)
		m.Marks = append(m.Marks, k)
	}
	r.end(later)
}
