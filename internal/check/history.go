package check

import (
	"math"
	"slices"
	"sync"

	"github.com/firndb/firn"
)

// History is what the clients of a store asked, in which order, and what they
// were told. It needs no clock: calls and answers are numbered as they happen,
// so that it is known of any two calls whether one was over when the other
// began. All clients must be of one process. Many goroutines may write it.
//
//	call := h.Append(client, writes)
//	told, err := db.Append(ctx, writes...)      // as often as it takes, with the same ids; see Settles
//	call.Appended(told, err)
//	…
//	err := h.Check(log)
type History struct {
	Ledger Ledger // of the appends that are over

	mu   sync.Mutex
	tick int64
	ops  []*Op
}

// Op is one call of one client, with its answer. Its repetitions belong to it:
// it is over when the client knows what became of it, or gives up.
type Op struct {
	Client       int
	Call, Return int64 // see History; Return is noEnd where no answer has come
	Asked        any   // *Append, *Change, *Read or *Head
	Err          error // of the answer

	h *History
}

// noEnd is later than every answer.
const noEnd = math.MaxInt64

// Append is an append; every draft has its id.
type Append struct {
	Writes []firn.Write
	Told   firn.Appended
}

// Change is a change of a stream's life.
type Change struct {
	Stream string
	Expect firn.Expectation
	Life   firn.Life
	At     firn.Position // as told
}

// Read is a read, forwards and without a limit, of a stream from a revision on
// or of a category.
type Read struct {
	Query firn.Query
	Shown []firn.Event
}

// Head asks for the head.
type Head struct {
	Consistency firn.Consistency
	At          firn.Position // as told
}

// Append writes down that a client begins an append.
func (h *History) Append(client int, writes []firn.Write) *Op {
	return h.begin(client, &Append{Writes: writes})
}

// Change writes down that a client begins to change a stream's life.
func (h *History) Change(client int, stream string, expect firn.Expectation, life firn.Life) *Op {
	return h.begin(client, &Change{Stream: stream, Expect: expect, Life: life})
}

// Read writes down that a client begins a read.
func (h *History) Read(client int, q firn.Query) *Op { return h.begin(client, &Read{Query: q}) }

// Head writes down that a client asks for the head.
func (h *History) Head(client int, c firn.Consistency) *Op {
	return h.begin(client, &Head{Consistency: c})
}

func (h *History) begin(client int, asked any) *Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick++
	op := &Op{Client: client, Call: h.tick, Return: noEnd, Asked: asked, h: h}
	h.ops = append(h.ops, op)
	return op
}

// end writes down an answer.
func (o *Op) end(err error, fill func()) {
	o.h.mu.Lock()
	defer o.h.mu.Unlock()
	fill()
	o.h.tick++
	o.Return, o.Err = o.h.tick, err
}

// Appended ends an append, once nobody will repeat it any more.
func (o *Op) Appended(told firn.Appended, err error) Outcome {
	a := o.Asked.(*Append)
	o.end(err, func() { a.Told = told })
	return o.h.Ledger.Add(a.Writes, told, err)
}

// Changed ends a change.
func (o *Op) Changed(at firn.Position, err error) {
	c := o.Asked.(*Change)
	o.end(err, func() { c.At = at })
}

// Showed ends a read. The events are kept.
func (o *Op) Showed(events []firn.Event, err error) {
	r := o.Asked.(*Read)
	o.end(err, func() { r.Shown = events })
}

// Headed ends a question for the head.
func (o *Op) Headed(at firn.Position, err error) {
	h := o.Asked.(*Head)
	o.end(err, func() { h.At = at })
}

// Len returns how many calls there are.
func (h *History) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ops)
}

// Check holds the history against the log that the store has in the end, all of
// it in order of position, system streams included. Nil means that all of the
// package comment's promises of stores are kept.
func (h *History) Check(log []firn.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var f faults
	f.join(h.pending().Check(log))
	if f.err() == nil { // a log that is not well-formed says nothing of the order
		f.join(checkOrder(h.ops, log))
	}
	f.join(checkLinear(h.ops))
	return f.err()
}

// pending returns the ledger with the appends that have no answer yet, whose
// outcome is unknown.
func (h *History) pending() *Ledger {
	h.Ledger.mu.Lock()
	all := &Ledger{entries: slices.Clone(h.Ledger.entries)}
	h.Ledger.mu.Unlock()
	for _, op := range h.ops {
		if a, ok := op.Asked.(*Append); ok && op.Return == noEnd {
			all.Add(a.Writes, firn.Appended{}, errNoAnswer)
		}
	}
	return all
}

var errNoAnswer = firn.Errorf(firn.ErrUnknown, "no answer has come")
