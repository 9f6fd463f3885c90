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

func (m *Streams) AppendBody(dst []byte) []byte {
	q := &m.Query
	dst = appendString(appendArray(dst, 8), q.Prefix)
	dst = appendString(dst, q.Category)
	dst = appendString(dst, q.After)
	dst = appendUint(dst, q.Limit)
	dst = appendPoint(dst, q.Bound)
	dst = appendBool(dst, q.System)
	dst = appendConsistency(dst, q.Consistency)
	return appendUint(dst, m.Credit)
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

func (m *StreamList) AppendBody(dst []byte) []byte {
	dst = appendArray(appendArray(dst, 1), len(m.Infos))
	for i := range m.Infos {
		dst = appendInfo(dst, &m.Infos[i])
	}
	return dst
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
