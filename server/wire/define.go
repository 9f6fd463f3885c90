package wire

import (
	"math"

	"github.com/firndb/firn"
)

// Define gives a name a new definition, or ends it where the source is empty.
// The id is that of the event that will record it; a repetition with the same
// id changes nothing more.
//
//	[class uint, name str, id, expectation, source bin]
type Define struct {
	Class  firn.DefinitionClass
	Name   string
	ID     firn.ID
	Expect firn.Expectation // of the definition's version
	Source []byte
}

func (*Define) Kind() Kind { return KindDefine }

func (m *Define) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Define) write(w *writer) {
	w.array(5)
	w.uint(uint64(m.Class))
	w.string(m.Name)
	w.id(m.ID)
	w.expectation(m.Expect)
	w.bin(m.Source)
}

func (m *Define) parse(r *reader) {
	later := r.begin(5)
	m.Class, m.Name = r.class(), r.string()
	m.ID = r.id()
	if m.ID.IsZero() {
		r.fail("id: a definition needs one")
	}
	m.Expect = r.expectation()
	m.Source = r.bin()
	r.end(later)
}

func (r *reader) class() firn.DefinitionClass {
	class := r.uint()
	if class > math.MaxUint8 {
		r.fail("class of a definition")
		return 0
	}
	return firn.DefinitionClass(class)
}

// Defined is the answer.
//
//	[class uint, name str, version uint, position uint, time, actor str, source bin]
type Defined struct{ Definition firn.Definition }

func (*Defined) Kind() Kind { return KindDefined }

func (m *Defined) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Defined) write(w *writer) { w.definition(&m.Definition) }

func (m *Defined) parse(r *reader) { m.Definition = r.definition() }

func (w *writer) definition(d *firn.Definition) {
	w.array(7)
	w.uint(uint64(d.Class))
	w.string(d.Name)
	w.uint(d.Version)
	w.position(d.Position)
	w.time(d.Time)
	w.string(d.Actor)
	w.bin(d.Source)
}

func (r *reader) definition() firn.Definition {
	later := r.begin(7)
	d := firn.Definition{
		Class: r.class(), Name: r.string(), Version: r.uint(), Position: r.position(),
		Time: r.time(), Actor: r.string(), Source: r.bin(),
	}
	r.end(later)
	return d
}

// Definitions asks for the definitions of a class that are in force as of a
// point, or for all versions of one. The node answers with DefinitionList
// frames as far as the credit reaches, then End.
//
//	[class uint, versions of str, at point, consistency, credit uint]
type Definitions struct {
	Class      firn.DefinitionClass
	VersionsOf string // "": those in force
	At         firn.Point

	Consistency firn.Consistency
	Credit      uint64 // bytes; see Credit
}

func (*Definitions) Kind() Kind { return KindDefinitions }

func (m *Definitions) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Definitions) write(w *writer) {
	w.array(5)
	w.uint(uint64(m.Class))
	w.string(m.VersionsOf)
	w.point(m.At)
	w.consistency(m.Consistency)
	w.uint(m.Credit)
}

func (m *Definitions) parse(r *reader) {
	later := r.begin(5)
	m.Class, m.VersionsOf = r.class(), r.string()
	m.At = r.point()
	m.Consistency = r.consistency()
	m.Credit = r.uint()
	r.end(later)
}

// DefinitionList is a part of the answer.
//
//	[definitions: array of what Defined draws]
type DefinitionList struct{ Definitions []firn.Definition }

func (*DefinitionList) Kind() Kind { return KindDefinitionList }

func (m *DefinitionList) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *DefinitionList) write(w *writer) {
	w.array(1)
	w.array(len(m.Definitions))
	for i := range m.Definitions {
		w.definition(&m.Definitions[i])
	}
}

func (m *DefinitionList) parse(r *reader) {
	later := r.begin(1)
	for range r.array() {
		m.Definitions = append(m.Definitions, r.definition())
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}
