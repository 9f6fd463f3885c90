package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/firndb/firn"
)

// Linearizable is what porcupine finds: for some stream, no order of the calls
// explains the answers. It trusts neither positions nor the log.
const Linearizable = "linearizable"

// linearMax bounds the search on one stream. A real history takes microseconds.
const linearMax = time.Minute

// checkLinear hands each stream's calls to porcupine.
func checkLinear(ops []*Op) error {
	var f faults
	var streams []string
	calls := map[string][]porcupine.Operation{}
	for _, op := range ops {
		for _, stream := range touched(op) {
			if calls[stream] == nil {
				streams = append(streams, stream)
			}
			part := porcupine.Operation{ClientId: op.Client, Input: input{op, stream}, Call: op.Call, Return: op.Return}
			if unsettled(op) {
				part.Return = noEnd
			}
			calls[stream] = append(calls[stream], part)
		}
	}
	for _, stream := range streams {
		switch porcupine.CheckOperationsTimeout(streamModel, calls[stream], linearMax) {
		case porcupine.Illegal:
			f.add(Linearizable, "no order of its calls explains what clients were told of %s:%s", stream, describe(calls[stream]))
		case porcupine.Unknown:
			f.add(Linearizable, "%d calls on %s could not be ordered within %v", len(calls[stream]), stream, linearMax)
		}
	}
	return f.err()
}

// input is a call, as one stream sees it.
type input struct {
	op     *Op
	stream string
}

// unsettled reports whether nobody was told what became of a call, which may
// then take effect at any time after it began, or never.
func unsettled(op *Op) bool { return op.Return == noEnd || OutcomeOf(op.Err) == Unknown }

// touched returns the streams on which a call's answer says something.
func touched(op *Op) (streams []string) {
	switch a := op.Asked.(type) {
	case *Append:
		if unsettled(op) || op.Err == nil {
			for _, w := range a.Writes {
				streams = append(streams, w.Stream)
			}
		} else if i := refusedBy(a.Writes, op.Err); i >= 0 {
			streams = append(streams, a.Writes[i].Stream)
		}
	case *Change:
		if unsettled(op) || op.Err == nil || refusedBy([]firn.Write{{Stream: a.Stream}}, op.Err) == 0 {
			streams = append(streams, a.Stream)
		}
	case *Read:
		if a.Query.Stream != "" && linearizable(a.Query.Consistency) && told(op) {
			streams = append(streams, a.Query.Stream)
		}
	}
	return streams
}

// told reports whether a read's answer says how a stream stands.
func told(op *Op) bool {
	switch {
	case op.Return == noEnd:
		return false
	case op.Err == nil:
		return true
	}
	for _, why := range []firn.Kind{firn.ErrNotFound, firn.ErrDeleted, firn.ErrTombstoned} {
		if is(op.Err, why) {
			return true
		}
	}
	return false
}

// streamModel is one stream as a sequential machine. A call of which nobody
// knows the outcome takes effect where it can. that it never did is covered: as
// it has no end, it may come after all others, where nobody sees it.
var streamModel = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(before, in, _ any) (bool, any) {
		s, call := before.(state), in.(input)
		switch a := call.op.Asked.(type) {
		case *Append:
			return stepAppend(s, call, a)
		case *Change:
			switch {
			case unsettled(call.op):
				if s.allows(a) {
					return true, s.change(a.Life)
				}
				return true, s
			case call.op.Err != nil:
				return s.conflicts(a.Expect, true, call.op.Err), s
			}
			return s.allows(a), s.change(a.Life)
		case *Read:
			return s.shows(fromRevision(&a.Query), a.Shown, call.op.Err), s
		}
		return true, s
	},
}

func stepAppend(s state, call input, a *Append) (bool, any) {
	for i := range a.Writes {
		w := &a.Writes[i]
		if w.Stream != call.stream {
			continue
		}
		written := len(w.Drafts) > 0
		switch {
		case unsettled(call.op):
			if s.meets(w.Expect, written) {
				return true, s.append(w.Drafts)
			}
			return true, s
		case call.op.Err != nil:
			return s.conflicts(w.Expect, written, call.op.Err), s
		}
		for _, told := range a.Told.Writes {
			if told.Stream == w.Stream && told.FirstRevision != s.next {
				return false, s
			}
		}
		return s.meets(w.Expect, written), s.append(w.Drafts)
	}
	return true, s
}

// describe lists the last calls on a stream, for whoever has to find out.
func describe(calls []porcupine.Operation) string {
	const shown = 60
	var b strings.Builder
	if len(calls) > shown {
		fmt.Fprintf(&b, "\n… %d before", len(calls)-shown)
		calls = calls[len(calls)-shown:]
	}
	for _, c := range calls {
		fmt.Fprintf(&b, "\n%s", c.Input.(input).op)
	}
	return b.String()
}
