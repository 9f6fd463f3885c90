package history

import (
	"context"
	"strconv"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/rawjson"
)

// Blame says for each field of the state at the past's end which event changed it
// last: before that event the field was not there, or had another value. Fields
// are what is no object and no array, and what is empty; an item of an array is at
// its place, so that one which moved up has changed, and it is no member of an
// object with the place for its name. within selects the field of
// that pointer, or those in it; "" all.
//
// It goes back only as far as it must: from the end, in pieces that double, until
// every field has its event.
func (p *Past) Blame(ctx context.Context, within string) ([]firn.BlamedField, error) {
	pointer, err := rawjson.ParsePointer(within)
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "%v", err)
	}
	last, err := p.Source.State(ctx, p.End)
	if err != nil {
		return nil, err
	}
	tree, err := parse(last.State)
	if err != nil {
		return nil, err
	}
	top := tree.Get(pointer)
	if top == nil {
		return nil, firn.Errorf(firn.ErrNotFound, "the state has no field %.100q", within)
	}
	b := blame{root: &field{}, pointer: pointer}
	b.add(b.root, within, top)
	if b.bytes > ReportBytesMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "the fields with their paths take more than %d bytes, which is the limit; name the part of the state that is meant", ReportBytesMax)
	}
	size := uint64(256)
	for end := p.End; end > p.Begin && b.open > 0; size *= 2 {
		from := p.Begin
		if end-p.Begin > size {
			from = end - size
		}
		if err := p.replay(ctx, from, end, b.step); err != nil {
			return nil, err
		}
		b.settle()
		end = from
	}
	return b.found, nil
}

// field is a field of the state, or something that holds fields.
type field struct {
	name     rawjson.Name
	item     int // its place in an array; -1: it is a member
	children []*field
	place    int             // in found; only of a leaf
	last     *firn.EventInfo // the last one in the piece that changed it
	settled  bool            // it has its event, and so has all that is in it
}

// aroundField is about what a field takes beside its path and value: the event.
const aroundField = 96

type blame struct {
	pointer rawjson.Pointer
	root    *field
	found   []firn.BlamedField
	open    int // fields that have no event yet
	bytes   int // that found takes
}

// add makes the fields of a value.
func (b *blame) add(f *field, path string, v *rawjson.Value) {
	if b.bytes > ReportBytesMax {
		return // nobody will see it
	}
	if v.Len() == 0 {
		b.bytes += len(path) + len(v.Bytes()) + aroundField
		f.place = len(b.found)
		b.found = append(b.found, firn.BlamedField{Path: path, Value: v.Bytes()})
		b.open++
		return
	}
	for name, child := range v.Members() {
		c := &field{name: name, item: -1}
		f.children = append(f.children, c)
		b.add(c, path+"/"+rawjson.EscapeToken(name.String()), child)
	}
	if v.Kind() == rawjson.Array {
		for i := range v.Len() {
			c := &field{item: i}
			f.children = append(f.children, c)
			b.add(c, path+"/"+strconv.Itoa(i), v.Item(i))
		}
	}
}

// step notes which fields an event has changed.
func (b *blame) step(s *step) error {
	var event *firn.EventInfo
	b.walk(b.root, s.before.Get(b.pointer), s.after.Get(b.pointer), func(f *field) {
		if event == nil {
			event = described(s.event)
		}
		f.last = event
	})
	return nil
}

func (b *blame) walk(f *field, before, after *rawjson.Value, changed func(*field)) {
	if f.settled || before == nil && after == nil || before != nil && after != nil && before.SameText(after) {
		return
	}
	if len(f.children) == 0 {
		if !equal(before, after) {
			changed(f)
		}
		return
	}
	for _, c := range f.children {
		b.walk(c, c.in(before), c.in(after), changed)
	}
}

// in returns the field's value in what holds it, nil where it is not there.
func (f *field) in(v *rawjson.Value) *rawjson.Value {
	switch {
	case v == nil:
		return nil
	case f.item >= 0:
		return v.Item(f.item)
	}
	return v.Member(f.name)
}

// settle keeps what a piece has shown: no earlier one can show anything else.
func (b *blame) settle() { b.settleField(b.root) }

func (b *blame) settleField(f *field) bool {
	if f.settled {
		return true
	}
	if len(f.children) == 0 {
		if f.last != nil {
			b.found[f.place].Event = f.last
			f.settled = true
			b.open--
		}
		return f.settled
	}
	f.settled = true
	for _, c := range f.children {
		f.settled = b.settleField(c) && f.settled
	}
	return f.settled
}
