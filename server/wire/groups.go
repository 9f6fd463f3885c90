package wire

import "github.com/firndb/firn"

// Groups asks for all groups, by name. The node answers with GroupList frames as
// far as the credit reaches, then End.
//
//	[credit uint]
type Groups struct{ Credit uint64 }

func (*Groups) Kind() Kind { return KindGroups }

func (m *Groups) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Groups) write(w *writer) {
	w.array(1)
	w.uint(m.Credit)
}

func (m *Groups) parse(r *reader) {
	later := r.begin(1)
	m.Credit = r.uint()
	r.end(later)
}

// GroupList is a part of the list.
//
//	[groups: array of what DefineGroup draws]
type GroupList struct{ Groups []firn.Group }

func (*GroupList) Kind() Kind { return KindGroupList }

func (m *GroupList) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *GroupList) write(w *writer) {
	w.array(1)
	w.array(len(m.Groups))
	for i := range m.Groups {
		w.group(&m.Groups[i])
	}
}

func (m *GroupList) parse(r *reader) {
	later := r.begin(1)
	for range r.array() {
		m.Groups = append(m.Groups, r.group())
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}
