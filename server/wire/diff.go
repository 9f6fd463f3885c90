package wire

import "github.com/firndb/firn"

// Diff asks what changed between two points of a stream's past.
//
//	[stream str, fold str, from point, to point, consistency]
type Diff struct{ Query firn.DiffQuery }

func (*Diff) Kind() Kind { return KindDiff }

func (m *Diff) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Diff) write(w *writer) {
	q := &m.Query
	w.array(5)
	w.string(q.Stream)
	w.string(q.Fold)
	w.point(q.From)
	w.point(q.To)
	w.consistency(q.Consistency)
}

func (m *Diff) parse(r *reader) {
	later := r.begin(5)
	m.Query = firn.DiffQuery{Stream: r.string(), Fold: r.string(), From: r.point(), To: r.point(), Consistency: r.consistency()}
	r.end(later)
}

// DiffIs is the answer. The states are described, without their bytes.
//
//	[from state, to state, patch array of operation]
//
//	operation = [op str, path str, was bin or nil, is bin or nil]
type DiffIs struct{ Diff firn.StateDiff }

func (*DiffIs) Kind() Kind { return KindDiffIs }

func (m *DiffIs) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *DiffIs) write(w *writer) {
	w.array(3)
	w.state(&m.Diff.From)
	w.state(&m.Diff.To)
	w.array(len(m.Diff.Patch))
	for i := range m.Diff.Patch {
		op := &m.Diff.Patch[i]
		w.array(4)
		w.string(op.Op)
		w.string(op.Path)
		w.valueOrNil(op.Was)
		w.valueOrNil(op.Is)
	}
}

func (m *DiffIs) parse(r *reader) {
	later := r.begin(3)
	m.Diff.From, m.Diff.To = r.state(), r.state()
	for range r.array() {
		laterFields := r.begin(4)
		m.Diff.Patch = append(m.Diff.Patch, firn.PatchOperation{Op: r.string(), Path: r.string(), Was: r.valueOrNil(), Is: r.valueOrNil()})
		r.end(laterFields)
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}
