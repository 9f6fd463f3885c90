package wire

import "github.com/firndb/firn"

// Parked asks for the parked events of a group, by position. The node answers
// with ParkedList frames as far as the credit reaches, then End.
//
//	[group str, credit uint]
type Parked struct {
	Group  string
	Credit uint64
}

func (*Parked) Kind() Kind { return KindParked }

func (m *Parked) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Parked) write(w *writer) {
	w.array(2)
	w.string(m.Group)
	w.uint(m.Credit)
}

func (m *Parked) parse(r *reader) {
	later := r.begin(2)
	m.Group, m.Credit = r.string(), r.uint()
	r.end(later)
}

// ParkedList is a part of the list.
//
//	[events: array of [stream str, revision uint, position uint, id, type str, attempts uint,
//	                   reason str, time, behind uint]]
type ParkedList struct{ Events []firn.ParkedEvent }

func (*ParkedList) Kind() Kind { return KindParkedList }

func (m *ParkedList) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *ParkedList) write(w *writer) {
	w.array(1)
	w.array(len(m.Events))
	for i := range m.Events {
		e := &m.Events[i]
		w.array(9)
		w.string(e.Stream)
		w.revision(e.Revision)
		w.position(e.Position)
		w.id(e.ID)
		w.string(e.Type)
		w.uint(uint64(e.Attempts))
		w.string(e.Reason)
		w.time(e.Time)
		w.uint(e.Behind)
	}
}

func (m *ParkedList) parse(r *reader) {
	later := r.begin(1)
	for range r.array() {
		later := r.begin(9)
		m.Events = append(m.Events, firn.ParkedEvent{
			Stream: r.string(), Revision: r.revision(), Position: r.position(), ID: r.id(), Type: r.string(),
			Attempts: r.uint32(), Reason: r.string(), Time: r.time(), Behind: r.uint(),
		})
		r.end(later)
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}

// Unpark ends that events are parked: it delivers them again, or gives them up.
// It is ended by Counted, with the number of parked events that those were.
//
//	[group str, what uint, stream str, id, all bool]
//
//	what = 1 replay | 2 drop
type Unpark struct {
	Group string
	Drop  bool
	Which firn.ParkedSelection
}

const (
	unparkReplay = 1
	unparkDrop   = 2
)

func (*Unpark) Kind() Kind { return KindUnpark }

func (m *Unpark) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Unpark) write(w *writer) {
	w.array(5)
	w.string(m.Group)
	if m.Drop {
		w.uint(unparkDrop)
	} else {
		w.uint(unparkReplay)
	}
	w.string(m.Which.Stream)
	w.id(m.Which.ID)
	w.bool(m.Which.All)
}

func (m *Unpark) parse(r *reader) {
	later := r.begin(5)
	m.Group = r.string()
	switch r.uint() {
	case unparkReplay:
	case unparkDrop:
		m.Drop = true
	default:
		r.fail("what to do with what is parked")
	}
	m.Which = firn.ParkedSelection{Stream: r.string(), ID: r.id(), All: r.bool()}
	r.end(later)
}
