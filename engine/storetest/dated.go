package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// testDated: events that are recorded under times of the past.
func testDated(s *tester) {
	dated, ok := s.Store.(firn.Dated)
	if !ok {
		s.t.Fatal("the store takes no events of the past")
	}
	ctx := s.t.Context()
	day := func(n int) time.Time { return time.Date(2001, 2, n, 3, 4, 5, 6789, time.FixedZone("here", 3600)) }
	appendAt := func(s *tester, at time.Time, writes ...firn.Write) firn.Appended {
		s.t.Helper()
		done, err := dated.AppendAt(ctx, at, writes...)
		if err != nil {
			s.t.Fatalf("append at %s: %v", at, err)
		}
		if want := at.UTC().Truncate(time.Microsecond); !done.Repeated && (!done.Time.Equal(want) || done.Time.Location() != time.UTC) {
			s.t.Fatalf("the time is %s, want %s", done.Time, want)
		}
		return done
	}
	conflict := func(s *tester, at time.Time, writes ...firn.Write) {
		s.t.Helper()
		head := s.head()
		_, err := dated.AppendAt(ctx, at, writes...)
		if e := s.want(firn.ErrConflict, err); e.Conflict != nil {
			s.t.Fatalf("a conflict of times has the expectation %+v", e.Conflict)
		}
		if now := s.head(); now != head {
			s.t.Fatalf("it was refused, and the head moved from %d to %d", head, now)
		}
	}
	both := []firn.Write{firn.To("dated-1", firn.None, drafts(2)...), firn.To("dated-2", firn.None, draft("Placed"))}

	s.sub("an empty store takes any time of the past", func(s *tester) {
		appendAt(s, day(1), both...)
		appendAt(s, day(1), firn.To("dated-1", firn.At(1), draft("Sent")))
		appendAt(s, day(3), firn.To("dated-2", firn.Exists, draft("Paid")))
		var times []time.Time
		for _, e := range s.read(firn.Query{All: true}) {
			times = append(times, e.Time)
		}
		one, three := day(1).UTC().Truncate(time.Microsecond), day(3).UTC().Truncate(time.Microsecond)
		if want := []time.Time{one, one, one, one, three}; !slices.Equal(times, want) {
			s.t.Fatalf("the events have the times %v, want %v", times, want)
		}
		if head, at, err := s.Head(ctx, firn.Consistency{}); head != 5 || !at.Equal(three) || err != nil {
			s.t.Fatalf("the head is %d at %s (%v)", head, at, err)
		}
	})

	s.sub("the past is shown as of these times", func(s *tester) {
		if got := s.read(firn.Query{All: true, Bound: firn.MomentPoint(day(2))}); len(got) != 4 {
			s.t.Fatalf("as of the second day there are %d events, want 4", len(got))
		}
	})

	s.sub("time does not go back", func(s *tester) {
		conflict(s, day(2), firn.To("dated-1", firn.Any, draft("Late")))
		conflict(s, day(3).Add(-time.Microsecond), firn.To("dated-9", firn.None, draft("Late")))
	})

	s.sub("nor ahead of the clock", func(s *tester) {
		conflict(s, time.Now().Add(24*time.Hour), firn.To("dated-1", firn.Any, draft("Early")))
	})

	s.sub("an expectation is judged first", func(s *tester) {
		_, err := dated.AppendAt(ctx, day(2), firn.To("dated-1", firn.None, draft("Placed")))
		if e := s.want(firn.ErrConflict, err); e.Conflict == nil {
			s.t.Fatalf("the error %v does not say what the stream is at", err)
		}
	})

	s.sub("a repetition is recognised, whatever its time", func(s *tester) {
		for _, at := range []time.Time{day(1), day(9)} {
			done := appendAt(s, at, both...)
			if !done.Repeated || !done.Time.Equal(day(1).Truncate(time.Microsecond)) || done.Position != 3 {
				s.t.Fatalf("the repetition at %s gave %+v", at, done)
			}
		}
	})

	s.sub("a condition alone has no time", func(s *tester) {
		if done, err := dated.AppendAt(ctx, day(1), firn.To("dated-1", firn.Exists)); err != nil || done.Position != s.head() {
			s.t.Fatalf("got %+v, %v", done, err)
		}
	})

	s.sub("times before 1970 are refused", func(s *tester) {
		for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0)} {
			_, err := dated.AppendAt(ctx, at, firn.To("dated-1", firn.Any, draft("Old")))
			s.want(firn.ErrInvalid, err)
		}
	})

	s.sub("a context that has ended does nothing", func(s *tester) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := dated.AppendAt(over, day(4), firn.To("dated-1", firn.Any, draft("T"))); err == nil {
			s.t.Fatal("it was done")
		}
	})

	s.sub("the clock goes on behind them", func(s *tester) {
		before := time.Now().UTC().Truncate(time.Microsecond)
		if done := s.append(firn.To("dated-1", firn.Any, draft("Now"))); done.Time.Before(before) {
			s.t.Fatalf("the time by the clock is %s, want at least %s", done.Time, before)
		}
		conflict(s, day(4), firn.To("dated-1", firn.Any, draft("Late")))
	})
}
