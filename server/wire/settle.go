package wire

import "github.com/firndb/firn"

// Settle answers deliveries of a Consume call of the same connection. It is
// ended by Counted, once the answers are kept by a majority, with the number of
// tokens that were void: their answers changed nothing.
//
//	[consume call uint, answers: array of [epoch uint, number uint, outcome uint, delay duration, reason str]]
type Settle struct {
	Consume uint64 // the call
	Answers []firn.Settlement
}

// SettlementsMax is how many answers one Settle may have.
const SettlementsMax = 1 << 14

func (*Settle) Kind() Kind { return KindSettle }

func (m *Settle) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Settle) write(w *writer) {
	w.array(2)
	w.uint(m.Consume)
	w.array(len(m.Answers))
	for i := range m.Answers {
		a := &m.Answers[i]
		w.array(5)
		w.token(a.Token)
		w.uint(uint64(a.Outcome))
		w.duration(a.Delay)
		w.string(a.Reason)
	}
}

func (m *Settle) parse(r *reader) {
	later := r.begin(2)
	m.Consume = r.uint()
	for range r.list(SettlementsMax) {
		later := r.begin(5)
		m.Answers = append(m.Answers, firn.Settlement{
			Token: r.token(), Outcome: r.outcome(), Delay: r.duration(), Reason: r.string(),
		})
		r.end(later)
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}

func (r *reader) outcome() firn.Outcome {
	v := r.uint()
	if v < uint64(firn.Ack) || v > uint64(firn.GiveBack) {
		r.fail("outcomes")
		return 0
	}
	return firn.Outcome(v)
}

// Counted ends Settle, Unpark and WaitGroup.
//
//	[count uint]
type Counted struct{ Count uint64 }

func (*Counted) Kind() Kind { return KindCounted }

func (m *Counted) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Counted) write(w *writer) {
	w.array(1)
	w.uint(m.Count)
}

func (m *Counted) parse(r *reader) {
	later := r.begin(1)
	m.Count = r.uint()
	r.end(later)
}
