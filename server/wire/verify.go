package wire

import "github.com/firndb/firn"

// Progress says how far a verification has come.
//
//	[done uint, total uint]
type Progress struct{ Done, Total uint64 }

func (*Progress) Kind() Kind { return KindProgress }

func (m *Progress) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Progress) write(w *writer) {
	w.array(2)
	w.uint(m.Done)
	w.uint(m.Total)
}

func (m *Progress) parse(r *reader) {
	later := r.begin(2)
	m.Done, m.Total = r.uint(), r.uint()
	r.end(later)
}

// Report is what a verification of the node's store found.
//
//	[events uint, streams uint, layers uint, chain index uint, chain hash uint,
//	 faults: array of [invariant uint, key bin, stream str, position uint, text str]]
type Report struct {
	Events, Streams, Layers uint64
	ChainIndex, ChainHash   uint64 // the hash chain's newest link
	Faults                  []Fault
}

// Fault is one broken invariant.
type Fault struct {
	Invariant uint64 // its number
	Key       []byte
	Stream    string
	Position  firn.Position
	Text      string // both sides of what does not agree
}

func (*Report) Kind() Kind { return KindVerified }

func (m *Report) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Report) write(w *writer) {
	w.array(6)
	w.uint(m.Events)
	w.uint(m.Streams)
	w.uint(m.Layers)
	w.uint(m.ChainIndex)
	w.uint(m.ChainHash)
	w.array(len(m.Faults))
	for i := range m.Faults {
		f := &m.Faults[i]
		w.array(5)
		w.uint(f.Invariant)
		w.bin(f.Key)
		w.string(f.Stream)
		w.position(f.Position)
		w.string(f.Text)
	}
}

func (m *Report) parse(r *reader) {
	later := r.begin(6)
	m.Events, m.Streams, m.Layers = r.uint(), r.uint(), r.uint()
	m.ChainIndex, m.ChainHash = r.uint(), r.uint()
	for range r.array() {
		later := r.begin(5)
		m.Faults = append(m.Faults, Fault{
			Invariant: r.uint(), Key: r.bin(), Stream: r.string(), Position: r.position(), Text: r.string(),
		})
		r.end(later)
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}
