package wire

import "github.com/firndb/firn"

// State asks for the state of a stream.
//
//	[asked]
//
//	asked = [stream str, fold str, at point, consistency]
type State struct{ Query firn.StateQuery }

func (*State) Kind() Kind { return KindState }

func (m *State) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *State) write(w *writer) {
	w.array(1)
	w.asked(&m.Query)
}

func (m *State) parse(r *reader) {
	later := r.begin(1)
	m.Query = r.asked()
	r.end(later)
}

func (w *writer) asked(q *firn.StateQuery) {
	w.array(4)
	w.string(q.Stream)
	w.string(q.Fold)
	w.point(q.At)
	w.consistency(q.Consistency)
}

func (r *reader) asked() firn.StateQuery {
	later := r.begin(4)
	q := firn.StateQuery{Stream: r.string(), Fold: r.string(), At: r.point(), Consistency: r.consistency()}
	r.end(later)
	return q
}

// StateIs is the answer.
//
//	[state]
//
//	state = [stream str, fold str, revision uint, position uint, time, begun uint,
//	         past uint, open bool, partial bool, empty bool, state bin]
type StateIs struct{ State firn.StreamState }

func (*StateIs) Kind() Kind { return KindStateIs }

func (m *StateIs) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *StateIs) write(w *writer) {
	w.array(1)
	w.state(&m.State)
}

func (m *StateIs) parse(r *reader) {
	later := r.begin(1)
	m.State = r.state()
	r.end(later)
}

// state writes a state; where it is only described, without its bytes.
func (w *writer) state(s *firn.StreamState) {
	w.array(11)
	w.string(s.Stream)
	w.string(s.Fold)
	w.revision(s.Revision)
	w.position(s.Position)
	w.time(s.Time)
	w.revision(s.Begun)
	w.position(s.Past)
	w.bool(s.Open)
	w.bool(s.Partial)
	w.bool(s.Empty)
	w.bin(s.State)
}

func (r *reader) state() firn.StreamState {
	later := r.begin(11)
	s := firn.StreamState{
		Stream: r.string(), Fold: r.string(), Revision: r.revision(), Position: r.position(), Time: r.time(),
		Begun: r.revision(), Past: r.position(), Open: r.bool(), Partial: r.bool(), Empty: r.bool(), State: r.bin(),
	}
	r.end(later)
	return s
}

// valueOrNil writes a JSON value, nil where there is none.
func (w *writer) valueOrNil(b []byte) {
	if b == nil {
		w.nil()
		return
	}
	w.bin(b)
}

func (r *reader) valueOrNil() []byte {
	if r.isNil() {
		return nil
	}
	return r.bin()
}
