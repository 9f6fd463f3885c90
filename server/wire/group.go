package wire

import (
	"math"

	"github.com/firndb/firn"
)

// DefineGroup makes a group, or changes the settings of one: CreateGroup and
// UpdateGroup. The id is that of the event that will record the definition; a
// repetition with the same id defines nothing more.
//
//	[id, group]
//
//	group = [name str, stream str, category str, all bool, types array of str, type prefixes array of str,
//	         stream prefixes array of str, from point, unordered bool, on park uint, max attempts uint,
//	         lease duration, in flight uint, retry min duration, retry max duration]
type DefineGroup struct {
	Is    Kind
	ID    firn.ID
	Group firn.Group
}

func (m *DefineGroup) Kind() Kind { return m.Is }

func (m *DefineGroup) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *DefineGroup) write(w *writer) {
	w.array(2)
	w.id(m.ID)
	w.group(&m.Group)
}

func (m *DefineGroup) parse(r *reader) {
	later := r.begin(2)
	m.ID = r.definitionID()
	m.Group = r.group()
	r.end(later)
}

// DeleteGroup ends a group.
//
//	[id, group str]
type DeleteGroup struct {
	ID   firn.ID // of the event that will record it, as in DefineGroup
	Name string
}

func (*DeleteGroup) Kind() Kind { return KindDeleteGroup }

func (m *DeleteGroup) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *DeleteGroup) write(w *writer) {
	w.array(2)
	w.id(m.ID)
	w.string(m.Name)
}

func (m *DeleteGroup) parse(r *reader) {
	later := r.begin(2)
	m.ID = r.definitionID()
	m.Name = r.string()
	r.end(later)
}

func (r *reader) definitionID() firn.ID {
	id := r.id()
	if id == (firn.ID{}) {
		r.fail("id: a definition needs one")
	}
	return id
}

func (w *writer) group(g *firn.Group) {
	w.array(15)
	w.string(g.Name)
	w.string(g.Stream)
	w.string(g.Category)
	w.bool(g.All)
	w.strings(g.Types)
	w.strings(g.TypePrefixes)
	w.strings(g.StreamPrefixes)
	w.point(g.From)
	w.bool(g.Unordered)
	w.uint(uint64(g.OnPark))
	w.uint(uint64(g.MaxAttempts))
	w.duration(g.Lease)
	w.uint(uint64(g.InFlight))
	w.duration(g.RetryMin)
	w.duration(g.RetryMax)
}

func (r *reader) group() firn.Group {
	later := r.begin(15)
	g := firn.Group{
		Name: r.string(), Stream: r.string(), Category: r.string(), All: r.bool(),
		Types: r.strings(typesMax), TypePrefixes: r.strings(typesMax), StreamPrefixes: r.strings(typesMax),
		From: r.point(), Unordered: r.bool(), OnPark: r.onPark(), MaxAttempts: r.uint32(),
		Lease: r.duration(), InFlight: r.uint32(), RetryMin: r.duration(), RetryMax: r.duration(),
	}
	r.end(later)
	return g
}

func (r *reader) onPark() firn.OnPark {
	v := r.uint()
	if v > uint64(firn.ParkContinues) {
		r.fail("on park")
		return 0
	}
	return firn.OnPark(v)
}

func (r *reader) uint32() uint32 {
	v := r.uint()
	if v > math.MaxUint32 {
		r.fail("integers: one is over 32 bits")
		return 0
	}
	return uint32(v)
}
