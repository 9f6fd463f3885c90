package storetest

import (
	"context"
	"errors"

	"github.com/firndb/firn"
)

// testIterators: reads that are left early, run twice, or run into appends.
func testIterators(s *tester) {
	events := s.fill("iterator-1", 20)
	all := firn.Query{All: true}

	s.sub("may be left early", func(s *tester) {
		for stop := 1; stop < len(events); stop += 3 {
			n := 0
			for e, err := range s.Read(s.t.Context(), all) {
				if err != nil || e.ID != events[n].ID {
					s.t.Fatalf("event %d is %s (%v)", n, eventLine(e), err)
				}
				if n++; n == stop {
					break
				}
			}
		}
		for range s.Streams(s.t.Context(), firn.StreamQuery{}) {
			break
		}
		s.append(firn.To("iterator-2", firn.Any, draft("T"))) // nothing was left locked
	})

	s.sub("may be run again", func(s *tester) {
		seq := s.Read(s.t.Context(), firn.Query{Stream: "iterator-1"})
		for range 2 {
			if got, err := collect(seq); err != nil || len(got) != len(events) {
				s.t.Errorf("%d events (%v), want %d", len(got), err, len(events))
			}
		}
	})

	s.sub("allow other calls while they run", func(s *tester) {
		n := 0
		for e, err := range s.Read(s.t.Context(), firn.Query{Stream: "iterator-1"}) {
			if err != nil {
				s.t.Fatal(err)
			}
			s.append(firn.To("iterator-3", firn.Any, draft("T")))
			if n++; e.Revision != firn.Revision(n-1) {
				s.t.Fatalf("event %d is %s", n-1, eventLine(e))
			}
		}
		if n != len(events) {
			s.t.Errorf("%d events, want %d", n, len(events))
		}
	})

	s.sub("a bound in the past is not moved by appends", func(s *tester) {
		q := firn.Query{All: true, Bound: position(events[9].Position)}
		s.shows(q, events[:10]...)
		s.append(firn.To("iterator-4", firn.Any, draft("T")))
		s.shows(q, events[:10]...)
	})

	s.sub("events are the caller's to keep", func(s *tester) {
		first := s.read(all)
		lines := make([]string, len(first))
		for i, e := range first {
			lines[i] = eventLine(e)
		}
		s.fill("iterator-5", 5)
		s.read(all)
		for i, e := range first {
			if eventLine(e) != lines[i] {
				s.t.Errorf("event %d changed from %s to %s", i, lines[i], eventLine(e))
			}
		}
	})

	s.sub("end with the context", func(s *tester) {
		ctx, cancel := context.WithCancel(s.t.Context())
		defer cancel()
		n := 0
		var failed error
		for _, err := range s.Read(ctx, firn.Query{Stream: "iterator-1"}) {
			if err != nil {
				failed = err
				break
			}
			n++
			cancel()
		}
		// What was on its way already may still come.
		if failed == nil && n != len(events) || failed != nil && !errors.Is(failed, context.Canceled) {
			s.t.Errorf("after the cancel: %d of %d events, %v", n, len(events), failed)
		}
	})
}
