package check_test

import (
	"reflect"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/group"
	"github.com/firndb/firn/internal/check"
)

// TestOrder tells histories of two events of one stream, of which the second is
// handed out on the answer to the first, before that is kept.
func TestOrder(t *testing.T) {
	first := firn.Event{Stream: "a-1", Position: 1, ID: firn.NewID(), Type: "T", Count: 1}
	second := firn.Event{Stream: "a-1", Revision: 1, Position: 2, ID: firn.NewID(), Type: "T", Count: 1}
	history := func(tell func(*teller)) []string {
		h := check.NewGroup(group.WithDefaults(firn.Group{Name: "g", All: true}), 0)
		tell(&teller{h})
		return check.Broken(h.Check([]firn.Event{first, second}, nil))
	}
	for _, c := range []struct {
		name string
		tell func(*teller)
		want []string
	}{
		{"the answer was lost, and both come again", func(h *teller) {
			h.delivered(&first, 1)
			lost := h.acks(1)
			h.delivered(&second, 2)
			lost(firn.Stale(1, 1))
			h.settles(&first, 3)
			h.settles(&second, 4)
		}, nil},
		{"nobody has answered the first", func(h *teller) {
			h.delivered(&first, 1)
			h.settles(&second, 2)
			h.acks(1)(nil)
		}, []string{check.Order}},
		{"the answer came too late: the first was with another by then", func(h *teller) {
			h.delivered(&first, 1)
			h.delivered(&first, 2)
			h.acks(1)(firn.Stale(1, 1))
			h.settles(&second, 3)
			h.acks(2)(nil)
		}, []string{check.Order}},
	} {
		if got := history(c.tell); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: found broken: %v, want %v", c.name, got, c.want)
		}
	}
}

// teller tells a history.
type teller struct{ h *check.Group }

func token(n uint64) firn.Token { return firn.Token{Epoch: 1, Number: n} }

func (h *teller) delivered(e *firn.Event, number uint64) {
	h.h.Delivered(firn.Delivery{Event: *e, Token: token(number), Attempt: 1})
}

func (h *teller) acks(number uint64) (then func(error)) {
	return h.h.Answering([]firn.Settlement{{Token: token(number), Outcome: firn.Ack}})
}

func (h *teller) settles(e *firn.Event, number uint64) {
	h.delivered(e, number)
	h.acks(number)(nil)
}
