package check_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// past is a store with its history, on which calls can be made in any overlap
// and answered with a lie.
type past struct {
	t  *testing.T
	db firn.Store
	h  check.History
}

func newPast(t *testing.T) *past { return &past{t: t, db: firn.Memory()} }

func draft() firn.Draft { return firn.Draft{ID: firn.NewID(), Type: "T", Data: []byte("{}")} }

// append appends n events and writes it down.
func (p *past) append(stream string, expect firn.Expectation, n int) (op *check.Op, told firn.Appended) {
	p.t.Helper()
	w := firn.To(stream, expect)
	for range n {
		w.Drafts = append(w.Drafts, draft())
	}
	op = p.h.Append(1, []firn.Write{w})
	told, err := p.db.Append(p.t.Context(), w)
	op.Appended(told, err)
	return op, told
}

// read reads without writing it down.
func (p *past) read(q firn.Query) (events []firn.Event, err error) {
	for e, err := range p.db.Read(p.t.Context(), q) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// show reads and writes it down.
func (p *past) show(q firn.Query) {
	op := p.h.Read(2, q)
	op.Showed(p.read(q))
}

func (p *past) change(stream string, life firn.Life) {
	op := p.h.Change(3, stream, firn.Any, life)
	op.Changed(p.db.Change(p.t.Context(), stream, firn.Any, life))
}

// log is all of it, what is hidden included: it is read before anything is hidden,
// and what is appended later is read then.
func (p *past) log() (log []firn.Event) {
	log, err := p.read(firn.Query{All: true, System: true})
	if err != nil {
		p.t.Fatal(err)
	}
	return log
}

// TestHistoryFindsWhatIsWrong lies to clients in every way that the checks of a
// history are there to find.
func TestHistoryFindsWhatIsWrong(t *testing.T) {
	stream, category := firn.Query{Stream: "a-1"}, firn.Query{Category: "a"}
	local := firn.Query{Stream: "a-1", Consistency: firn.Consistency{Local: true}}
	unknown := firn.Errorf(firn.ErrUnknown, "the leader was lost")
	for _, c := range []struct {
		name string
		lie  func(p *past)
		want []string
	}{
		{"nothing is wrong", func(p *past) {
			p.show(stream)
			p.append("a-1", firn.None, 2)
			p.append("a-1", firn.At(0), 1)
			p.append("a-2", firn.Any, 1)
			p.show(stream)
			p.show(category)
			before, _ := p.read(local)
			p.append("a-1", firn.At(1), 1)
			p.h.Read(2, local).Showed(before, nil) // it may lag
			p.h.Append(4, []firn.Write{firn.To("a-1", firn.Any, draft())})
			p.h.Append(4, []firn.Write{firn.To("a-1", firn.Any, draft())}).Appended(firn.Appended{}, unknown)
			p.show(category)
		}, nil},
		{"a linearizable read shows what was before an append that was acknowledged", func(p *past) {
			p.append("a-1", firn.None, 1)
			before, _ := p.read(stream)
			p.append("a-1", firn.Any, 1)
			p.h.Read(2, stream).Showed(before, nil)
		}, []string{check.Behind, check.Linearizable}},
		{"the same, while the append is under way", func(p *past) {
			p.append("a-1", firn.None, 1)
			before, _ := p.read(stream)
			read := p.h.Read(2, stream)
			p.append("a-1", firn.Any, 1)
			read.Showed(before, nil)
		}, nil},
		{"two reads go back in time", func(p *past) {
			p.append("a-1", firn.None, 1)
			before, _ := p.read(stream)
			w := []firn.Write{firn.To("a-1", firn.Any, draft())}
			op := p.h.Append(1, w)
			told, _ := p.db.Append(context.Background(), w...)
			p.show(stream)
			p.h.Read(2, stream).Showed(before, nil)
			op.Appended(told, nil)
		}, []string{check.Behind, check.Linearizable}},
		{"a read at least at a position lags behind it", func(p *past) {
			p.append("a-1", firn.None, 1)
			before, _ := p.read(stream)
			_, told := p.append("a-1", firn.Any, 1)
			p.h.Read(2, firn.Query{Stream: "a-1", Consistency: firn.Consistency{AtLeast: told.Position}}).Showed(before, nil)
		}, []string{check.Waited}},
		{"a local read leaves an event out", func(p *past) {
			p.append("a-1", firn.None, 3)
			all, _ := p.read(stream)
			p.h.Read(2, local).Showed(slices.Delete(all, 1, 2), nil)
		}, []string{check.Prefix}},
		{"a read of a category tears an append", func(p *past) {
			w := []firn.Write{firn.To("a-1", firn.Any, draft()), firn.To("a-2", firn.Any, draft())}
			op := p.h.Append(1, w)
			told, _ := p.db.Append(context.Background(), w...)
			all, _ := p.read(category)
			q := category
			q.Consistency.Local = true
			p.h.Read(2, q).Showed(all[:1], nil)
			op.Appended(told, nil)
		}, []string{check.Prefix}},
		{"a read shows other data", func(p *past) {
			p.append("a-1", firn.None, 1)
			all, _ := p.read(stream)
			all[0].Data = []byte("null")
			p.h.Read(2, stream).Showed(all, nil)
		}, []string{check.Content}},
		{"two win with one expected revision", func(p *past) {
			p.append("a-1", firn.None, 1)
			p.append("a-1", firn.At(0), 1)
			w := []firn.Write{firn.To("a-1", firn.At(0), draft())}
			told, _ := p.db.Append(context.Background(), firn.To("a-1", firn.Any, w[0].Drafts...))
			p.h.Append(2, w).Appended(told, nil)
		}, []string{check.Winner, check.Linearizable}},
		{"an append is refused although its expectation is met", func(p *past) {
			p.append("a-1", firn.None, 1)
			refused := &firn.ConflictError{Stream: "a-1", Expected: firn.At(0), Actual: firn.None}
			p.h.Append(2, []firn.Write{firn.To("a-1", firn.At(0), draft())}).Appended(firn.Appended{}, refused.Err())
		}, []string{check.Answer, check.Linearizable}},
		{"an append is refused for what was long ago", func(p *past) {
			p.append("a-1", firn.None, 1)
			p.append("a-1", firn.At(0), 1)
			refused := &firn.ConflictError{Stream: "a-1", Expected: firn.At(1), Actual: firn.At(0)}
			p.h.Append(2, []firn.Write{firn.To("a-1", firn.At(1), draft())}).Appended(firn.Appended{}, refused.Err())
		}, []string{check.Answer, check.Linearizable}},
		{"an append is acknowledged behind one that was called later", func(p *past) {
			late := p.h.Append(1, []firn.Write{firn.To("b-1", firn.Any, draft())})
			told, _ := p.db.Append(context.Background(), late.Asked.(*check.Append).Writes...)
			first := p.h.Append(2, []firn.Write{firn.To("b-2", firn.Any, draft())})
			told2, _ := p.db.Append(context.Background(), first.Asked.(*check.Append).Writes...)
			first.Appended(told2, nil)
			late.Appended(told, nil)
			w := []firn.Write{firn.To("b-3", firn.Any, draft())}
			early, _ := p.db.Append(context.Background(), w...)
			over := p.h.Append(3, []firn.Write{firn.To("b-4", firn.Any, draft())})
			told4, _ := p.db.Append(context.Background(), over.Asked.(*check.Append).Writes...)
			over.Appended(told4, nil)
			p.h.Append(4, w).Appended(early, nil)
		}, []string{check.RealTime, check.RealTime}},
		{"the head goes back", func(p *past) {
			p.append("a-1", firn.None, 2)
			p.h.Head(2, firn.Consistency{}).Headed(1, nil)
		}, []string{check.Behind}},
		{"the head lies within an append", func(p *past) {
			p.append("a-1", firn.None, 2)
			p.h.Head(2, firn.Consistency{Local: true}).Headed(1, nil)
		}, []string{check.Prefix}},
		{"a stream is said not to exist", func(p *past) {
			p.append("a-1", firn.None, 1)
			p.h.Read(2, stream).Showed(nil, firn.Errorf(firn.ErrNotFound, "there is no such stream"))
		}, []string{check.Behind, check.Linearizable}},
		{"nothing is wrong with an append that is refused", func(p *past) {
			p.h.Append(2, []firn.Write{firn.To("a-1", firn.Any, draft())}).Appended(firn.Appended{}, firn.Errorf(firn.ErrIDReused, "another event has the id"))
		}, []string{check.Answer}},
	} {
		p := newPast(t)
		c.lie(p)
		if got := check.Broken(p.h.Check(p.log())); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q:\n%v", c.name, got, c.want, p.h.Check(p.log()))
		}
	}
}

// TestHistoryKnowsLives looks at a stream that is truncated, deleted, begun again
// and tombstoned, each of which a read has to show.
func TestHistoryKnowsLives(t *testing.T) {
	p := newPast(t)
	q := firn.Query{Stream: "a-1"}
	var log []firn.Event
	keep := func() {
		for _, e := range p.log() {
			if int(e.Position) > len(log) {
				log = append(log, e)
			}
		}
	}
	step := func(life firn.Life) {
		p.append("a-1", firn.Any, 2)
		keep()
		p.show(q)
		p.show(firn.Query{Category: "a"})
		p.change("a-1", life)
		keep()
		p.show(q)
		p.show(firn.Query{Category: "a"})
		_, err := p.read(q)
		p.append("a-1", firn.None, 1)
		keep()
		if life == (firn.Delete{}) {
			p.h.Read(2, q).Showed(nil, err)
		}
	}
	step(firn.Truncate{Before: 1})
	step(firn.Truncate{Before: 4})
	step(firn.Tombstone{})
	if err := p.h.Check(log); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
	p = newPast(t)
	log = nil
	step(firn.Delete{})
	if got, want := check.Broken(p.h.Check(log)), []string{check.Behind, check.Linearizable}; !slices.Equal(got, want) {
		t.Errorf("a stream that was begun again is said to be deleted: found %q, want %q", got, want)
	}
}

// TestSame plants differences between replicas.
func TestSame(t *testing.T) {
	p := newPast(t)
	p.append("a-1", firn.None, 3)
	replica := func() check.Replica { return check.Replica{Name: "n", Log: p.log(), Index: 5, Chain: 7} }
	for name, spoil := range map[string]func(*check.Replica){
		"an event is missing":  func(r *check.Replica) { r.Log = r.Log[:2] },
		"an event is another":  func(r *check.Replica) { r.Log[1].Metadata = []byte("{}") },
		"the chain is another": func(r *check.Replica) { r.Chain++ },
	} {
		bad := replica()
		spoil(&bad)
		if err := check.Same([]check.Replica{replica(), bad, replica()}); !slices.Contains(check.Broken(err), check.Replicas) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := check.Same([]check.Replica{replica(), replica()}); err != nil {
		t.Error(err)
	}
}

// TestSameAnswer plants wrong answers to a repeated append.
func TestSameAnswer(t *testing.T) {
	p := newPast(t)
	op, _ := p.append("a-1", firn.None, 2)
	again, err := p.db.Append(t.Context(), op.Asked.(*check.Append).Writes...)
	if err := check.SameAnswer(op, again, err); err != nil {
		t.Error(err)
	}
	if err := check.SameAnswer(op, firn.Appended{}, firn.Errorf(firn.ErrUnavailable, "the node is down")); err != nil {
		t.Error(err)
	}
	elsewhere, twice := again, again
	elsewhere.Position++
	twice.Repeated = false
	for _, told := range []firn.Appended{elsewhere, twice} {
		if err := check.SameAnswer(op, told, nil); err == nil {
			t.Errorf("told %+v, and nothing was found", told)
		}
	}
	if err := check.SameAnswer(op, firn.Appended{}, errors.Join(firn.Errorf(firn.ErrConflict, "another revision"))); err == nil {
		t.Error("refused, and nothing was found")
	}
}
