package wire

import (
	"math"

	"github.com/firndb/firn"
)

// Bisect asks for the first event after which a condition on the state holds.
//
//	[asked, where str, scan bool]
type Bisect struct{ Query firn.BisectQuery }

func (*Bisect) Kind() Kind { return KindBisect }

func (m *Bisect) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Bisect) write(w *writer) {
	w.array(3)
	w.asked(&m.Query.StateQuery)
	w.string(m.Query.Where)
	w.bool(m.Query.Scan)
}

func (m *Bisect) parse(r *reader) {
	later := r.begin(3)
	m.Query.StateQuery, m.Query.Where, m.Query.Scan = r.asked(), r.string(), r.bool()
	r.end(later)
}

// Bisected is the answer. The state is described, without its bytes.
//
//	[state, found bool, event or nil, has state bin or nil, had bin or nil,
//	 at start bool, at end bool, changes uint, exact bool, loads uint]
type Bisected struct{ Bisected firn.Bisected }

func (*Bisected) Kind() Kind { return KindBisected }

func (m *Bisected) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Bisected) write(w *writer) {
	b := &m.Bisected
	w.array(10)
	w.state(&b.State)
	w.bool(b.Found)
	w.eventInfo(b.Event)
	w.valueOrNil(b.HasState)
	w.valueOrNil(b.Had)
	w.bool(b.AtStart)
	w.bool(b.AtEnd)
	w.uint(uint64(b.Changes))
	w.bool(b.Exact)
	w.uint(uint64(b.Loads))
}

func (m *Bisected) parse(r *reader) {
	later := r.begin(10)
	m.Bisected = firn.Bisected{
		State: r.state(), Found: r.bool(), Event: r.eventInfo(), HasState: r.valueOrNil(), Had: r.valueOrNil(),
		AtStart: r.bool(), AtEnd: r.bool(), Changes: r.count(), Exact: r.bool(), Loads: r.count(),
	}
	r.end(later)
}

// count reads a number that counts something in memory.
func (r *reader) count() int {
	n := r.uint()
	if n > math.MaxInt64 {
		r.fail("count: it is too large")
		return 0
	}
	return int(n)
}
