package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/firndb/firn"
)

// caughtUp subscribes, and ends the test unless the subscription says exactly
// this, one word a message: an event's position, or the kind of a mark with its
// position. Checkpoints, which may come or not, are left out.
func (s *tester) caughtUp(q firn.Query, want ...string) {
	s.t.Helper()
	messages, err := untilCaughtUp(s.t.Context(), s, q)
	if err != nil {
		s.t.Fatalf("subscribe %s: %v", show(q), err)
	}
	if got := words(messages); !slices.Equal(got, want) {
		s.t.Fatalf("subscribe %s:\n got %q\nwant %q", show(q), got, want)
	}
}

func words(messages []firn.Message) []string {
	var all []string
	for _, m := range messages {
		switch {
		case m.Mark == nil:
			all = append(all, fmt.Sprint(m.Event.Position))
		case m.Mark.Kind == firn.LifeMark:
			all = append(all, fmt.Sprintf("%T of %s at %d", m.Mark.Life, m.Mark.Stream, m.Mark.At))
		case m.Mark.Kind == firn.CaughtUp:
			all = append(all, fmt.Sprintf("caught up at %d", m.Mark.At))
		}
	}
	return all
}

// testSubscriptions: what a subscription selects, where it begins, how it ends.
func testSubscriptions(s *tester) {
	s.sub("of an empty store is caught up at once", func(s *tester) { s.caughtUp(firn.Query{All: true}, "caught up at 0") })

	s.append(firn.To("order-1", firn.Any, draft("Placed"), draft("Paid"))) // 1, 2
	s.append(firn.To("order-2", firn.Any, draft("Placed")))                // 3
	s.append(firn.To("user-1", firn.Any, draft("Seen")))                   // 4
	s.change("order-1", firn.Metadata{Data: []byte(`{"a":1}`)})            // 5
	s.append(firn.To("order-1", firn.Any, draft("Shipped")),               // 6
		firn.To("user-1", firn.Any, draft("Seen"))) // 7
	life := "firn.Metadata of order-1 at 5"
	all := firn.Query{All: true}

	s.sub("selects as a read does", func(s *tester) {
		s.caughtUp(all, "1", "2", "3", "4", life, "6", "7", "caught up at 7")
		s.caughtUp(firn.Query{Category: "order"}, "1", "2", "3", life, "6", "caught up at 7")
		s.caughtUp(firn.Query{Stream: "order-1"}, "1", "2", life, "6", "caught up at 7")
		s.caughtUp(firn.Query{Stream: "user-1"}, "4", "7", "caught up at 7")
		s.caughtUp(firn.Query{Category: "user", Types: []string{"Placed"}}, "caught up at 7")
		s.caughtUp(firn.Query{All: true, TypePrefixes: []string{"P"}}, "1", "2", "3", life, "caught up at 7")
		s.caughtUp(firn.Query{All: true, StreamPrefixes: []string{"order-2", "use"}}, "3", "4", "7", "caught up at 7")
		s.caughtUp(firn.Query{All: true, System: true}, "1", "2", "3", "4", "5", "6", "7", "caught up at 7")
		s.caughtUp(firn.Query{Stream: firn.LifeStream("order-1")}, "5", "caught up at 7")
	})
	s.sub("begins where it is told", func(s *tester) {
		s.caughtUp(firn.Query{All: true, From: firn.StartPoint()}, "1", "2", "3", "4", life, "6", "7", "caught up at 7")
		s.caughtUp(firn.Query{All: true, From: firn.EndPoint()}, "caught up at 7")
		s.caughtUp(firn.Query{All: true, From: position(5)}, life, "6", "7", "caught up at 7")
		s.caughtUp(firn.Query{All: true, From: position(99)}, "caught up at 7")
		s.caughtUp(firn.Query{Stream: "order-1", From: revision(1)}, "2", life, "6", "caught up at 7")
		s.caughtUp(firn.Query{Stream: "order-1", From: revision(9)}, "caught up at 7")
		at := s.read(all)[3].Time
		s.caughtUp(firn.Query{All: true, From: moment(at)}, "4", life, "6", "7", "caught up at 7")
	})
	s.sub("goes on behind any position at which an append ends", func(s *tester) {
		rest := []string{"1", "2", "3", "4", life, "6", "7"}
		for p := range rest {
			s.caughtUp(firn.Query{All: true, From: position(firn.Position(p + 1))}, append(slices.Clone(rest[p:]), "caught up at 7")...)
		}
	})
	s.sub("refuses what makes no sense", func(s *tester) {
		for _, q := range []firn.Query{
			{}, {All: true, Backwards: true}, {All: true, Limit: 1}, {All: true, Bound: position(1)}, {ID: firn.NewID()},
			{All: true, From: revision(1)}, {Stream: "order-1", StreamPrefixes: []string{"o"}}, {All: true, TypePrefixes: []string{""}},
		} {
			_, err := untilCaughtUp(s.t.Context(), s, q)
			s.want(firn.ErrInvalid, err)
		}
	})
	s.sub("knows its history", func(s *tester) {
		messages, err := untilCaughtUp(s.t.Context(), s, all)
		if err != nil {
			s.t.Fatal(err)
		}
		q := all
		q.History = messages[len(messages)-1].Mark.History
		if _, err := untilCaughtUp(s.t.Context(), s, q); err != nil {
			s.t.Errorf("subscribe in the store's own history: %v", err)
		}
		q.History = firn.NewID()
		_, err = untilCaughtUp(s.t.Context(), s, q)
		s.want(firn.ErrOtherHistory, err)
		s.want(firn.ErrOtherHistory, s.readError(q))
	})
	s.sub("tells what hides events", testSubscribedLife)
	s.sub("goes on live", testLive)
	s.sub("ends with its context", func(s *tester) {
		f := follow(s.t.Context(), s, firn.Query{All: true, From: firn.EndPoint()})
		if m, err := f.next(); err != nil || m.Mark == nil {
			s.t.Fatalf("got %+v (%v), want a mark", m, err)
		}
		f.stop()
		ctx, cancel := context.WithCancel(s.t.Context())
		cancel()
		if _, err := untilCaughtUp(ctx, s, all); !errors.Is(err, context.Canceled) {
			s.t.Errorf("after the cancel: %v", err)
		}
	})
}

// testSubscribedLife: changes of the life of streams that are followed.
func testSubscribedLife(s *tester) {
	first := s.append(firn.To("life-1", firn.Any, draft("A"), draft("B"), draft("C"))).Writes[0].FirstPosition
	from := firn.PositionPoint(first)
	at := func(n int) string { return fmt.Sprint(int(first) + n) }
	s.change("life-1", firn.Truncate{Before: 1}) // first+3
	s.caughtUp(firn.Query{Category: "life", From: from}, at(1), at(2), "firn.Truncate of life-1 at "+at(3), "caught up at "+at(3))
	s.change("life-1", firn.Limits{MaxCount: 1}) // first+4
	s.caughtUp(firn.Query{Stream: "life-1"}, at(2), "firn.Truncate of life-1 at "+at(3), "firn.Limits of life-1 at "+at(4), "caught up at "+at(4))
	s.change("life-1", firn.Delete{}) // first+5
	s.caughtUp(firn.Query{Stream: "life-1", From: firn.PositionPoint(first + 5)}, "firn.Delete of life-1 at "+at(5), "caught up at "+at(5))
	s.append(firn.To("life-1", firn.None, draft("D")))                           // first+6
	s.change(firn.CategoriesStream, firn.Limits{Category: "life", MaxCount: 7})  // first+7
	s.change(firn.CategoriesStream, firn.Limits{Category: "other", MaxCount: 8}) // first+8
	limits := "firn.Limits of $categories at "                                   // of a category
	s.caughtUp(firn.Query{Category: "life", From: firn.PositionPoint(first + 6)}, at(6), limits+at(7), "caught up at "+at(8))
	s.caughtUp(firn.Query{All: true, From: firn.PositionPoint(first + 7)}, limits+at(7), limits+at(8), "caught up at "+at(8))

	// The end of a stream is the end of its own subscription, and no other's.
	all, one := follow(s.t.Context(), s, firn.Query{All: true, From: firn.EndPoint()}), follow(s.t.Context(), s, firn.Query{Stream: "life-1", From: firn.EndPoint()})
	defer all.stop()
	defer one.stop()
	for _, f := range []*following{all, one} {
		if m, err := f.next(); err != nil || m.Mark == nil || m.Mark.Kind != firn.CaughtUp {
			s.t.Fatalf("got %+v (%v), want caught up", m, err)
		}
	}
	gone := s.change("life-1", firn.Tombstone{})
	for _, f := range []*following{all, one} {
		m, err := f.next()
		if err != nil || m.Mark == nil || m.Mark.At != gone || m.Mark.Life != (firn.Tombstone{}) || m.Mark.Stream != "life-1" || m.Mark.Time.IsZero() {
			s.t.Fatalf("got %+v (%v), want the tombstone at %d", m, err, gone)
		}
	}
	_, err := one.next()
	s.want(firn.ErrTombstoned, err)
	_, err = untilCaughtUp(s.t.Context(), s, firn.Query{Stream: "life-1", From: firn.EndPoint()})
	s.want(firn.ErrTombstoned, err)
}

// testLive: what is appended while a subscription waits.
func testLive(s *tester) {
	all := follow(s.t.Context(), s, firn.Query{All: true, From: firn.EndPoint()})
	one := follow(s.t.Context(), s, firn.Query{Stream: "live-9", From: revision(1)})
	few := follow(s.t.Context(), s, firn.Query{Category: "live", TypePrefixes: []string{"Fe"}, From: firn.EndPoint()})
	defer all.stop()
	defer one.stop()
	defer few.stop()
	for _, f := range []*following{all, one, few} {
		if m, err := f.next(); err != nil || m.Mark == nil || m.Mark.Kind != firn.CaughtUp {
			s.t.Fatalf("got %+v (%v), want caught up", m, err)
		}
	}
	event := func(f *following, p firn.Position) {
		s.t.Helper()
		for {
			m, err := f.next()
			if err == nil && m.Mark != nil && m.Mark.Kind != firn.LifeMark {
				continue
			}
			if err != nil || m.Mark != nil || m.Event.Position != p {
				s.t.Fatalf("got %+v (%v), want the event at position %d", m, err, p)
			}
			return
		}
	}
	p := s.append(firn.To("live-1", firn.Any, draft("Few"), draft("Many")), firn.To("live-9", firn.Any, draft("Few"))).Position - 2
	q := s.append(firn.To("live-9", firn.Any, draft("Many"))).Position
	for at := p; at <= q; at++ {
		event(all, at)
	}
	event(one, q)
	event(few, p)
	event(few, p+2)
	// What is not selected is told of by a checkpoint after a while.
	m, err := few.next()
	if err != nil || m.Mark == nil || m.Mark.Kind == firn.LifeMark || m.Mark.At != q {
		s.t.Fatalf("got %+v (%v), want a checkpoint at %d", m, err, q)
	}
}
