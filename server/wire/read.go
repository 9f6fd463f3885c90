package wire

import "github.com/firndb/firn"

// Read asks for events. The node answers with Events frames as far as the
// credit reaches, then End.
//
//	[query, credit uint]
//
//	query = [stream str, category str, all bool, id, types array of str, from point, bound point,
//	         backwards bool, limit uint, raw bool, system bool, consistency]
type Read struct {
	Query  firn.Query
	Credit uint64 // bytes; see Credit
}

// typesMax bounds the types that one query names.
const typesMax = 4096

func (*Read) Kind() Kind { return KindRead }

func (m *Read) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Read) write(w *writer) {
	q := &m.Query
	w.array(2)
	w.array(12)
	w.string(q.Stream)
	w.string(q.Category)
	w.bool(q.All)
	w.id(q.ID)
	w.strings(q.Types)
	w.point(q.From)
	w.point(q.Bound)
	w.bool(q.Backwards)
	w.uint(q.Limit)
	w.bool(q.Raw)
	w.bool(q.System)
	w.consistency(q.Consistency)
	w.uint(m.Credit)
}

func (m *Read) parse(r *reader) {
	later := r.begin(2)
	laterQuery := r.begin(12)
	q := &m.Query
	q.Stream, q.Category, q.All = r.string(), r.string(), r.bool()
	q.ID = r.id()
	q.Types = r.strings(typesMax)
	q.From, q.Bound = r.point(), r.point()
	q.Backwards = r.bool()
	q.Limit = r.uint()
	q.Raw, q.System = r.bool(), r.bool()
	q.Consistency = r.consistency()
	r.end(laterQuery)
	m.Credit = r.uint()
	r.end(later)
}
