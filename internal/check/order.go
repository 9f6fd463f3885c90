package check

import (
	"cmp"
	"errors"
	"slices"

	"github.com/firndb/firn"
)

// The promises that the order of positions is held against. Positions are the
// one order of everything, so each answer has a place in it, or a range of
// places that would explain it; what was over before a call began must not come
// behind it. That is all of linearizability, over all streams at once, and it
// costs a sort; porcupine, which trusts no position, looks again stream by
// stream.
const (
	RealTime = "real time" // an append comes behind what was acknowledged or shown before it was called, and before what was called after it was acknowledged
	Behind   = "behind"    // a linearizable read shows all that was acknowledged or shown before it was called
	Waited   = "waited"    // a read at least at a position shows what is there
	Prefix   = "prefix"    // any read shows the log as it was at one position, whole appends, nothing left out
	Answer   = "answer"    // a refusal is explained by how the stream stood
)

// order is a log, with what was asked for when.
type order struct {
	log     []firn.Event
	streams map[string]*timeline
	inside  map[string][]*timeline // of a category
	called  []int64                // when the last of what is up to a position was called; called[p-1]
	f       faults
}

// checkOrder holds calls against the log.
func checkOrder(ops []*Op, log []firn.Event) error {
	o := &order{log: log, streams: timelines(log), inside: map[string][]*timeline{}, called: make([]int64, len(log))}
	for name, t := range o.streams {
		o.inside[firn.Category(name)] = append(o.inside[firn.Category(name)], t)
	}
	o.noteCalls(ops)
	byCall, byReturn := slices.Clone(ops), slices.Clone(ops)
	slices.SortFunc(byCall, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	slices.SortFunc(byReturn, func(a, b *Op) int { return cmp.Compare(a.Return, b.Return) })
	places := make(map[*Op]firn.Position, len(ops))
	floor, over := firn.Position(0), 0
	for _, op := range byCall {
		for ; over < len(byReturn) && byReturn[over].Return < op.Call; over++ {
			floor = max(floor, places[byReturn[over]])
		}
		if op.Return == noEnd {
			continue
		}
		at := o.place(op, floor)
		places[op] = at
		if at > 0 && int(at) <= len(log) && o.called[at-1] > op.Return {
			o.f.add(RealTime, "%s shows position %d, and something up to there was called only later", op, at)
		}
	}
	return o.f.err()
}

// noteCalls finds when each position was called for. Those of which nobody was
// told may have been called for at any time.
func (o *order) noteCalls(ops []*Op) {
	of := make(map[firn.ID]int64)
	for _, op := range ops {
		switch a := op.Asked.(type) {
		case *Append:
			for i := range a.Writes {
				for j := range a.Writes[i].Drafts {
					of[a.Writes[i].Drafts[j].ID] = op.Call
				}
			}
		case *Change:
			if at := int(a.At); op.Err == nil && at > 0 && at <= len(o.called) {
				o.called[at-1] = op.Call
			}
		}
	}
	latest := int64(0)
	for i := range o.log {
		latest = max(latest, o.called[i], of[o.log[i].ID])
		o.called[i] = latest
	}
}

// place returns the first position at which the log explains a call's answer,
// given that it must not be before floor; 0 where the answer says nothing. That
// the first will do is why one pass finds an order if there is one.
func (o *order) place(op *Op, floor firn.Position) firn.Position {
	switch a := op.Asked.(type) {
	case *Append:
		if op.Err == nil {
			return o.made(op, a.first(), a.Told.Position, floor)
		}
		return o.refusal(op, a, floor)
	case *Change:
		if op.Err == nil {
			return o.changed(op, a, floor)
		}
		w := []firn.Write{{Stream: a.Stream}}
		if refusedBy(w, op.Err) < 0 {
			return 0
		}
		return o.stands(op, Answer, a.Stream, floor, func(s state) bool { return s.conflicts(a.Expect, true, op.Err) })
	case *Read:
		return o.read(op, a, floor)
	case *Head:
		return o.head(op, a, floor)
	}
	return 0
}

// first returns the first position of what was appended, 0 for a bare condition.
func (a *Append) first() firn.Position {
	if len(a.Told.Writes) == 0 {
		return 0
	}
	return a.Told.Writes[0].FirstPosition
}

// made judges what was acknowledged at positions.
func (o *order) made(op *Op, first, last, floor firn.Position) firn.Position {
	if first > 0 && first <= floor {
		o.f.add(RealTime, "%s was made at position %d, although position %d was acknowledged or shown before it was called", op, first, floor)
	}
	return last
}

// refusal judges an append that was refused for how a stream stood.
func (o *order) refusal(op *Op, a *Append, floor firn.Position) firn.Position {
	i := refusedBy(a.Writes, op.Err)
	if i < 0 {
		for _, kind := range []firn.Kind{firn.ErrIDReused, firn.ErrPartialRepeat, firn.ErrInvalid, firn.ErrTooLarge, firn.ErrDamaged, firn.ErrInternal} {
			if is(op.Err, kind) {
				o.f.add(Answer, "%s: nothing was wrong with it", op)
			}
		}
		return 0
	}
	w := &a.Writes[i]
	return o.stands(op, Answer, w.Stream, floor, func(s state) bool { return s.conflicts(w.Expect, len(w.Drafts) > 0, op.Err) })
}

// changed judges a change that was acknowledged.
func (o *order) changed(op *Op, c *Change, floor firn.Position) firn.Position {
	if c.At == 0 || int(c.At) > len(o.log) {
		o.f.add(Acknowledged, "%s was acknowledged at position %d, which the log does not have", op, c.At)
		return 0
	}
	if stream, life, ok := firn.LifeOf(&o.log[c.At-1]); !ok || stream != c.Stream || !sameLife(life, c.Life) {
		o.f.add(Acknowledged, "%s was acknowledged at position %d, where %+v is", op, c.At, o.log[c.At-1])
	}
	return o.made(op, c.At, c.At, floor)
}

// head judges what was told of the head.
func (o *order) head(op *Op, h *Head, floor firn.Position) firn.Position {
	switch {
	case op.Err != nil:
		return 0
	case linearizable(h.Consistency) && h.At < floor:
		o.f.add(Behind, "%s is behind position %d, which was acknowledged or shown before it was called", op, floor)
	case h.At < h.Consistency.AtLeast:
		o.f.add(Waited, "%s", op)
	case int(h.At) > len(o.log) || h.At > 0 && !o.log[h.At-1].AppendEnd():
		o.f.add(Prefix, "%s: no append ends there", op)
	}
	return h.At
}

// read judges what a read has shown.
func (o *order) read(op *Op, r *Read, floor firn.Position) firn.Position {
	if !told(op) {
		if is(op.Err, firn.ErrDamaged) || is(op.Err, firn.ErrInternal) || is(op.Err, firn.ErrInvalid) {
			o.f.add(Answer, "%s", op)
		}
		return 0
	}
	for i := range r.Shown {
		e := &r.Shown[i]
		if int(e.Position) > len(o.log) || e.Position == 0 {
			o.f.add(Prefix, "%s shows position %d, which the log does not have", op, e.Position)
			return 0
		}
		if text := eventDiffers(e, &o.log[e.Position-1]); text != "" {
			o.f.add(Content, "%s: %s", op, text)
			return 0
		}
	}
	check := Behind
	switch {
	case r.Query.Consistency.AtLeast > 0:
		check, floor = Waited, r.Query.Consistency.AtLeast
	case r.Query.Consistency.Local:
		check, floor = Prefix, 0
	}
	if r.Query.Category != "" {
		return o.category(op, check, r, floor)
	}
	from := fromRevision(&r.Query)
	return o.stands(op, check, r.Query.Stream, floor, func(s state) bool { return s.shows(from, r.Shown, op.Err) })
}

// stands finds the first position, floor or later, at which a stream stood so.
func (o *order) stands(op *Op, check, stream string, floor firn.Position, so func(state) bool) firn.Position {
	t := o.streams[stream]
	if at, ok := t.find(floor, so); ok {
		return at
	}
	if at, ok := t.find(0, so); ok {
		o.f.add(check, "%s saw %s as it was at position %d, but position %d was to be seen", op, stream, at, floor)
	} else {
		o.f.add(Prefix, "%s: at no position did %s stand so", op, stream)
	}
	return 0
}

// category finds the first position, floor or later, at which a read of a whole
// category would have shown this.
func (o *order) category(op *Op, check string, r *Read, floor firn.Position) firn.Position {
	streams, ends := o.inside[r.Query.Category], []firn.Position{0}
	for _, t := range streams {
		for i := range t.marks {
			ends = append(ends, t.marks[i].at)
		}
	}
	slices.Sort(ends)
	least := floor
	if n := len(r.Shown); n > 0 {
		least = max(least, r.Shown[n-1].Position)
	}
	i, exact := slices.BinarySearch(ends, least)
	if !exact {
		i--
	}
	for ; i < len(ends); i++ {
		if at := max(ends[i], least); (int(at) == 0 || o.log[at-1].AppendEnd() || at == floor) && o.visible(streams, at, r.Shown) {
			return at
		}
	}
	o.f.add(check, "%s: the category did not stand so at any position from %d on", op, floor)
	return 0
}

// visible reports whether these events, in this order, are what streams show at
// a position.
func (o *order) visible(streams []*timeline, at firn.Position, shown []firn.Event) bool {
	count := 0
	for _, t := range streams {
		s := t.at(at)
		if s.refuses() == 0 {
			count += int(s.next - min(s.before, s.next))
		}
	}
	if count != len(shown) {
		return false
	}
	before := firn.Position(0)
	for i := range shown {
		e := &shown[i]
		s := o.streams[e.Stream].at(at)
		if e.Position <= before || e.Position > at || s.refuses() != 0 || e.Revision < s.before || e.Revision >= s.next {
			return false
		}
		before = e.Position
	}
	return true
}

func is(err error, kind firn.Kind) bool { return errors.Is(err, kind) }
