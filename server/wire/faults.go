package wire

import (
	"math"

	"github.com/firndb/firn"
)

// Faults says of some events of the Events frame behind it why they could not
// be shown in today's shape: they come as they are stored.
//
//	[faults: array of [position uint, kind uint, message str]]
type Faults struct{ Faults []ShownFault }

// ShownFault is why one event could not be shown in today's shape.
type ShownFault struct {
	Position firn.Position
	Kind     firn.Kind
	Message  string
}

func (*Faults) Kind() Kind { return KindFaults }

func (m *Faults) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Faults) write(w *writer) {
	w.array(1)
	w.array(len(m.Faults))
	for _, f := range m.Faults {
		w.array(3)
		w.position(f.Position)
		w.uint(uint64(f.Kind))
		w.string(f.Message)
	}
}

func (m *Faults) parse(r *reader) {
	later := r.begin(1)
	for range r.array() {
		laterFields := r.begin(3)
		f := ShownFault{Position: r.position(), Kind: firn.Kind(min(r.uint(), math.MaxUint8)), Message: r.string()}
		r.end(laterFields)
		if r.failed != "" {
			return
		}
		m.Faults = append(m.Faults, f)
	}
	r.end(later)
}
