package wire

import (
	"time"

	"github.com/firndb/firn"
)

// Stats says what is in the store of the node that answers, and what its
// machinery has done. Figures that depend on the build of the node (caches,
// layers still open) travel by name.
//
//	[events uint, streams uint, bytes uint, layers uint, disk bytes uint, head uint, head time,
//	 figures: array of [name str, value uint]]
type Stats struct {
	Events, Streams uint64
	Bytes           uint64 // of the events, as stored
	Layers          uint64
	DiskBytes       uint64
	Head            firn.Position
	HeadTime        time.Time
	Figures         []Figure
}

// Figure is a number with a name, such as block_cache_hits.
type Figure struct {
	Name  string
	Value uint64
}

func (*Stats) Kind() Kind { return KindStatsAre }

func (m *Stats) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Stats) write(w *writer) {
	w.array(8)
	w.uint(m.Events)
	w.uint(m.Streams)
	w.uint(m.Bytes)
	w.uint(m.Layers)
	w.uint(m.DiskBytes)
	w.position(m.Head)
	w.time(m.HeadTime)
	w.array(len(m.Figures))
	for _, f := range m.Figures {
		w.array(2)
		w.string(f.Name)
		w.uint(f.Value)
	}
}

func (m *Stats) parse(r *reader) {
	later := r.begin(8)
	m.Events, m.Streams, m.Bytes = r.uint(), r.uint(), r.uint()
	m.Layers, m.DiskBytes = r.uint(), r.uint()
	m.Head, m.HeadTime = r.position(), r.time()
	for range r.list(1024) {
		later := r.begin(2)
		m.Figures = append(m.Figures, Figure{Name: r.string(), Value: r.uint()})
		r.end(later)
	}
	r.end(later)
}
