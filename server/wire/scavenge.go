package wire

import (
	"time"

	"github.com/firndb/firn"
)

// Scavenge makes what is hidden gone from every point in time, or, dry, asks what
// that would have the node remove.
//
//	[id bin, dry bool]
type Scavenge struct {
	ID  firn.ID // of the event that records it; not looked at where it is dry
	Dry bool
}

func (*Scavenge) Kind() Kind { return KindScavenge }

func (m *Scavenge) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Scavenge) write(w *writer) {
	w.array(2)
	w.id(m.ID)
	w.bool(m.Dry)
}

func (m *Scavenge) parse(r *reader) {
	later := r.begin(2)
	m.ID, m.Dry = r.id(), r.bool()
	r.end(later)
}

// Scavenged says what the node that answers has removed, or would.
//
//	[position uint, time, layers uint, events uint, bytes uint]
type Scavenged struct {
	Position firn.Position // of the event that records it; 0: it was dry
	Time     time.Time
	Layers   uint64 // that were looked through
	Events   uint64
	Bytes    uint64 // of their records
}

func (*Scavenged) Kind() Kind { return KindScavenged }

func (m *Scavenged) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Scavenged) write(w *writer) {
	w.array(5)
	w.position(m.Position)
	w.time(m.Time)
	w.uint(m.Layers)
	w.uint(m.Events)
	w.uint(m.Bytes)
}

func (m *Scavenged) parse(r *reader) {
	later := r.begin(5)
	m.Position, m.Time = r.position(), r.time()
	m.Layers, m.Events, m.Bytes = r.uint(), r.uint(), r.uint()
	r.end(later)
}
