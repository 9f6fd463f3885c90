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

func (m *Read) AppendBody(dst []byte) []byte {
	q := &m.Query
	dst = appendString(appendArray(appendArray(dst, 2), 12), q.Stream)
	dst = appendString(dst, q.Category)
	dst = appendBool(dst, q.All)
	dst = appendID(dst, q.ID)
	dst = appendStrings(dst, q.Types)
	dst = appendPoint(dst, q.From)
	dst = appendPoint(dst, q.Bound)
	dst = appendBool(dst, q.Backwards)
	dst = appendUint(dst, q.Limit)
	dst = appendBool(dst, q.Raw)
	dst = appendBool(dst, q.System)
	dst = appendConsistency(dst, q.Consistency)
	return appendUint(dst, m.Credit)
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
