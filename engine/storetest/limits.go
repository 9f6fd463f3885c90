package storetest

import (
	"time"

	"github.com/firndb/firn"
)

// testLimits: a stream's own limits on number and age.
func testLimits(s *tester) {
	s.sub("only the newest are visible", func(s *tester) {
		events := s.fill("limit-1", 5)
		s.change("limit-1", firn.Limits{MaxCount: 2})
		s.shows(firn.Query{Stream: "limit-1"}, events[3:]...)
		s.shows(firn.Query{Stream: "limit-1", From: revision(0), Limit: 1}, events[3])
		s.shows(firn.Query{Category: "limit"}, events[3:]...)
		s.shows(firn.Query{All: true, Backwards: true}, events[4], events[3])
		s.shows(firn.Query{ID: events[2].ID})
		if info := s.info("limit-1", firn.Point{}); info.MaxCount != 2 || info.Events != 2 || info.FirstRevision != 3 || info.Revision != 4 {
			s.t.Errorf("it is described as %+v", info)
		}
		s.append(firn.To("limit-1", firn.At(4), draft("T")))
		if got := s.read(firn.Query{Stream: "limit-1"}); len(got) != 2 || got[0].Revision != 4 {
			s.t.Errorf("one event later it reads as%s", lines(got))
		}
		s.change("limit-1", firn.Limits{MaxCount: 4})
		if got := s.read(firn.Query{Stream: "limit-1"}); len(got) != 4 {
			s.t.Errorf("under a wider limit it reads as%s", lines(got))
		}
		s.change("limit-1", firn.Limits{})
		if got := s.read(firn.Query{Stream: "limit-1"}); len(got) != 6 {
			s.t.Errorf("without a limit it reads as%s", lines(got))
		}
	})

	s.sub("a filter does not widen the limit", func(s *tester) {
		s.append(firn.To("limit-2", firn.None, draft("A"), draft("B"), draft("A"), draft("B")))
		s.change("limit-2", firn.Limits{MaxCount: 3})
		if got := s.read(firn.Query{Stream: "limit-2", Types: []string{"A"}}); len(got) != 1 || got[0].Revision != 2 {
			s.t.Errorf("of the newest three, type A is%s", lines(got))
		}
	})

	s.sub("old events expire", func(s *tester) {
		events := s.fill("limit-3", 3)
		s.change("limit-3", firn.Limits{MaxAge: time.Hour})
		s.shows(firn.Query{Stream: "limit-3"}, events...)
		s.change("limit-3", firn.Limits{MaxAge: time.Microsecond})
		s.shows(firn.Query{Stream: "limit-3"}) // empty, and no error
		s.shows(firn.Query{ID: events[2].ID})
		info := s.info("limit-3", firn.Point{})
		if info.State != firn.Live || info.Events != 0 || info.Revision != 2 || info.MaxAge != time.Microsecond || !info.LastTime.IsZero() {
			s.t.Errorf("it is described as %+v", info)
		}
		s.change("limit-3", firn.Limits{})
		s.shows(firn.Query{Stream: "limit-3"}, events...)
	})

	s.sub("an age counts from the moment of the bound", func(s *tester) {
		s.change("limit-4", firn.Limits{MaxAge: time.Microsecond})
		for range 3 {
			s.append(firn.To("limit-4", firn.Any, draft("T")))
		}
		s.change("limit-4", firn.Limits{})
		events := s.read(firn.Query{Stream: "limit-4"})
		for _, e := range events {
			for _, bound := range []firn.Point{revision(e.Revision), position(e.Position), moment(e.Time)} {
				s.shows(firn.Query{Stream: "limit-4", Bound: bound}, e)
			}
		}
		s.change("limit-4", firn.Limits{MaxAge: time.Hour})
		now := moment(events[2].Time.Add(time.Hour + time.Minute))
		s.shows(firn.Query{Stream: "limit-4"}, events...)
		s.shows(firn.Query{Stream: "limit-4", Bound: now})
	})

	s.sub("both limits hold together", func(s *tester) {
		events := s.fill("limit-5", 4)
		s.change("limit-5", firn.Limits{MaxAge: time.Hour, MaxCount: 3})
		s.change("limit-5", firn.Truncate{Before: 2})
		s.shows(firn.Query{Stream: "limit-5"}, events[2:]...)
		s.change("limit-5", firn.Limits{MaxAge: time.Hour, MaxCount: 1})
		s.shows(firn.Query{Stream: "limit-5"}, events[3])
	})

	s.sub("bad limits are refused", func(s *tester) {
		s.fill("limit-6", 1)
		_, err := s.Change(s.t.Context(), "limit-6", firn.Any, firn.Limits{MaxAge: -time.Second})
		s.want(firn.ErrInvalid, err)
		_, err = s.Change(s.t.Context(), "limit-6", firn.Any, firn.Limits{Category: "limit", MaxCount: 1})
		s.want(firn.ErrInvalid, err)
	})
}
