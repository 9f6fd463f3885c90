package storetest

import (
	"time"

	"github.com/firndb/firn"
)

// testBounds: the past as it was, with the life that streams had then.
func testBounds(s *tester) {
	s.want(firn.ErrBeforeStore, s.readError(firn.Query{All: true, Bound: moment(time.Now())})) // nothing is there yet
	first := s.append(firn.To("first", firn.None, draft("T")))

	s.sub("a deleted stream is there as of before", func(s *tester) {
		events := s.fill("past-1", 2)
		deleted := s.change("past-1", firn.Delete{})
		again := s.append(firn.To("past-1", firn.None, draft("T")))
		s.shows(firn.Query{Stream: "past-1", Bound: position(deleted - 1)}, events...)
		s.shows(firn.Query{Stream: "past-1", Bound: revision(1)}, events...)
		s.shows(firn.Query{Stream: "past-1", Bound: moment(events[0].Time)}, events[0])
		s.shows(firn.Query{Category: "past", Bound: position(deleted - 1)}, events...)
		e := s.want(firn.ErrDeleted, s.readError(firn.Query{Stream: "past-1", Bound: position(deleted)}))
		if len(e.Positions) != 1 || e.Positions[0] != deleted {
			s.t.Errorf("deleted since %v, want %d", e.Positions, deleted)
		}
		s.shows(firn.Query{Category: "past", Bound: position(deleted)})
		for p, want := range map[firn.Position]firn.LifeState{deleted - 1: firn.Live, deleted: firn.Deleted, again.Position: firn.Live} {
			if info := s.info("past-1", position(p)); info.State != want || info.Position != p {
				s.t.Errorf("as of %d it is described as %+v, want %s", p, info, want)
			}
		}
	})

	s.sub("a stream is not there before its first event", func(s *tester) {
		events := s.fill("past-2", 1)
		before := position(events[0].Position - 1)
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "past-2", Bound: before}))
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "past-2", Bound: firn.StartPoint()}))
		_, err := s.Stream(s.t.Context(), "past-2", before)
		s.want(firn.ErrNotFound, err)
		s.shows(firn.Query{Category: "nonesuch", Bound: before})
	})

	s.sub("truncated and tombstoned events are gone from every point", func(s *tester) {
		events := s.fill("past-3", 4)
		s.change("past-3", firn.Truncate{Before: 2})
		s.shows(firn.Query{Stream: "past-3", Bound: position(events[3].Position)}, events[2:]...)
		s.shows(firn.Query{Stream: "past-3", Bound: revision(1)}) // empty, and no error
		if info := s.info("past-3", revision(1)); info.Events != 0 || info.Revision != 1 || info.State != firn.Live {
			s.t.Errorf("as of a revision that is truncated it is described as %+v", info)
		}
		s.change("past-3", firn.Tombstone{})
		s.want(firn.ErrTombstoned, s.readError(firn.Query{Stream: "past-3", Bound: revision(3)}))
		s.shows(firn.Query{All: true, From: position(events[0].Position), Bound: position(events[3].Position)})
		if info := s.info("past-3", revision(3)); info.Events != 0 || info.State != firn.Tombstoned {
			s.t.Errorf("as of before the tombstone it is described as %+v", info)
		}
	})

	s.sub("limits are those of the time", func(s *tester) {
		events := s.fill("past-4", 3)
		limited := s.change("past-4", firn.Limits{MaxCount: 1})
		s.append(firn.To("past-4", firn.Any, draft("T")))
		s.change("past-4", firn.Metadata{Data: []byte("{}")})
		s.shows(firn.Query{Stream: "past-4", Bound: position(limited - 1)}, events...)
		s.shows(firn.Query{Stream: "past-4", Bound: position(limited)}, events[2])
		s.shows(firn.Query{Stream: "past-4", Bound: revision(1)}, events[:2]...)
		info := s.info("past-4", position(limited))
		if info.MaxCount != 1 || info.Metadata != nil || info.Revision != 2 || info.Events != 1 || !info.LastTime.Equal(events[2].Time) {
			s.t.Errorf("as of the limit it is described as %+v", info)
		}
		if info := s.info("past-4", revision(2)); info.MaxCount != 0 || info.Events != 3 || info.Bytes == 0 {
			s.t.Errorf("as of before the limit it is described as %+v", info)
		}
	})

	s.sub("moments", func(s *tester) {
		for _, q := range []firn.Query{{All: true}, {Stream: "past-1"}, {Category: "past"}} {
			q.Bound = moment(first.Time.Add(-time.Microsecond))
			s.want(firn.ErrBeforeStore, s.readError(q))
		}
		_, err := s.Stream(s.t.Context(), "past-1", moment(first.Time.Add(-time.Second)))
		s.want(firn.ErrBeforeStore, err)
		_, err = collect(s.Streams(s.t.Context(), firn.StreamQuery{Bound: moment(first.Time.Add(-time.Second))}))
		s.want(firn.ErrBeforeStore, err)

		events := s.fill("past-5", 2)
		if info := s.info("past-5", moment(events[1].Time)); info.Open || info.Revision != 1 || info.Position != events[1].Position {
			s.t.Errorf("as of a moment that is over it is described as %+v", info)
		}
		if info := s.info("past-5", moment(events[1].Time.Add(-time.Microsecond))); info.Revision != 0 {
			s.t.Errorf("as of just before its second event it is described as %+v", info)
		}
		if info := s.info("past-5", moment(time.Now().Add(time.Hour))); !info.Open || info.Position != s.head() {
			s.t.Errorf("as of a moment to come it is described as %+v", info)
		}
		if info := s.info("past-5", firn.Point{}); info.Open || info.Position != s.head() {
			s.t.Errorf("as of now it is described as %+v", info)
		}
	})
}
