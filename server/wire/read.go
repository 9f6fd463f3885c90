package wire

import "github.com/firndb/firn"

// Read asks for events. The node answers with Events frames as far as the
// credit reaches, then End.
//
//	[query, credit uint]
//
//	query = [stream str, category str, all bool, id, types array of str, from point, bound point,
//	         backwards bool, limit uint, raw bool, system bool, consistency
//	         (, type prefixes array of str, stream prefixes array of str, history id,
//	         correlation str, causation str)]
//
// The last five are left out where none is set.
type Read struct {
	Query  firn.Query
	Credit uint64 // bytes; see Credit
}

// typesMax bounds the types that one query names, and each sort of prefixes.
const typesMax = 4096

func (*Read) Kind() Kind { return KindRead }

func (m *Read) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Read) write(w *writer) {
	w.array(2)
	w.query(&m.Query)
	w.uint(m.Credit)
}

func (m *Read) parse(r *reader) {
	later := r.begin(2)
	m.Query = r.query()
	m.Credit = r.uint()
	r.end(later)
}

func (w *writer) query(q *firn.Query) {
	further := len(q.TypePrefixes) > 0 || len(q.StreamPrefixes) > 0 || !q.History.IsZero() ||
		q.Correlation != "" || q.Causation != ""
	if further {
		w.array(17)
	} else {
		w.array(12)
	}
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
	if further {
		w.strings(q.TypePrefixes)
		w.strings(q.StreamPrefixes)
		w.id(q.History)
		w.string(q.Correlation)
		w.string(q.Causation)
	}
}

func (r *reader) query() (q firn.Query) {
	later := r.begin(12)
	q.Stream, q.Category, q.All = r.string(), r.string(), r.bool()
	q.ID = r.id()
	q.Types = r.strings(typesMax)
	q.From, q.Bound = r.point(), r.point()
	q.Backwards = r.bool()
	q.Limit = r.uint()
	q.Raw, q.System = r.bool(), r.bool()
	q.Consistency = r.consistency()
	if later >= 5 {
		q.TypePrefixes, q.StreamPrefixes = r.strings(typesMax), r.strings(typesMax)
		q.History = r.id()
		q.Correlation, q.Causation = r.string(), r.string()
		later -= 5
	}
	r.end(later)
	return q
}
