package wire

import "github.com/firndb/firn"

// Blame asks which events gave the fields of a state their values.
//
//	[asked, path str]
type Blame struct{ Query firn.BlameQuery }

func (*Blame) Kind() Kind { return KindBlame }

func (m *Blame) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Blame) write(w *writer) {
	w.array(2)
	w.asked(&m.Query.StateQuery)
	w.string(m.Query.Path)
}

func (m *Blame) parse(r *reader) {
	later := r.begin(2)
	m.Query.StateQuery, m.Query.Path = r.asked(), r.string()
	r.end(later)
}

// BlameIs is the answer. The state is described, without its bytes.
//
//	[state, fields array of field]
//
//	field = [path str, value bin, event or nil]
//	event = [revision uint, position uint, time, id, type str, actor str]
type BlameIs struct{ Blame firn.Blame }

func (*BlameIs) Kind() Kind { return KindBlameIs }

func (m *BlameIs) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *BlameIs) write(w *writer) {
	w.array(2)
	w.state(&m.Blame.State)
	w.array(len(m.Blame.Fields))
	for i := range m.Blame.Fields {
		f := &m.Blame.Fields[i]
		w.array(3)
		w.string(f.Path)
		w.bin(f.Value)
		w.eventInfo(f.Event)
	}
}

func (m *BlameIs) parse(r *reader) {
	later := r.begin(2)
	m.Blame.State = r.state()
	for range r.array() {
		laterFields := r.begin(3)
		m.Blame.Fields = append(m.Blame.Fields, firn.BlamedField{Path: r.string(), Value: r.bin(), Event: r.eventInfo()})
		r.end(laterFields)
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}

func (w *writer) eventInfo(e *firn.EventInfo) {
	if e == nil {
		w.nil()
		return
	}
	w.array(6)
	w.revision(e.Revision)
	w.position(e.Position)
	w.time(e.Time)
	w.id(e.ID)
	w.string(e.Type)
	w.string(e.Actor)
}

func (r *reader) eventInfo() *firn.EventInfo {
	if r.isNil() {
		return nil
	}
	later := r.begin(6)
	e := &firn.EventInfo{
		Revision: r.revision(), Position: r.position(), Time: r.time(),
		ID: r.id(), Type: r.string(), Actor: r.string(),
	}
	r.end(later)
	return e
}
