package wire

import "github.com/firndb/firn"

// Streams asks for a list of streams. The node answers with StreamList frames
// as far as the credit reaches, then End.
//
//	[prefix str, category str, after str, limit uint, bound point, system bool, consistency, credit uint]
type Streams struct {
	Query  firn.StreamQuery
	Credit uint64 // bytes; see Credit
}

func (*Streams) Kind() Kind { return KindStreams }

func (m *Streams) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Streams) write(w *writer) {
	q := &m.Query
	w.array(8)
	w.string(q.Prefix)
	w.string(q.Category)
	w.string(q.After)
	w.uint(q.Limit)
	w.point(q.Bound)
	w.bool(q.System)
	w.consistency(q.Consistency)
	w.uint(m.Credit)
}

func (m *Streams) parse(r *reader) {
	later := r.begin(8)
	q := &m.Query
	q.Prefix, q.Category, q.After = r.string(), r.string(), r.string()
	q.Limit = r.uint()
	q.Bound = r.point()
	q.System = r.bool()
	q.Consistency = r.consistency()
	m.Credit = r.uint()
	r.end(later)
}

// StreamList is a part of the list.
//
//	[streams: array of what StreamInfo draws]
type StreamList struct{ Infos []firn.StreamInfo }

func (*StreamList) Kind() Kind { return KindStreamList }

func (m *StreamList) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *StreamList) write(w *writer) {
	w.array(1)
	w.array(len(m.Infos))
	for i := range m.Infos {
		w.info(&m.Infos[i])
	}
}

func (m *StreamList) parse(r *reader) {
	later := r.begin(1)
	for range r.array() {
		m.Infos = append(m.Infos, r.info())
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}
