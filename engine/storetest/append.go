package storetest

import (
	"slices"
	"time"

	"github.com/firndb/firn"
)

// testAppend: what an append answers, and where its events then are.
func testAppend(s *tester) {
	s.sub("the first event is at position 1 and revision 0", func(s *tester) {
		if head, at, err := s.Head(s.t.Context(), firn.Consistency{}); head != 0 || !at.IsZero() || err != nil {
			s.t.Fatalf("an empty store's head is %d at %s (%v)", head, at, err)
		}
		before := time.Now().UTC().Truncate(time.Microsecond)
		d := draft("Placed")
		done := s.append(firn.To("append-1", firn.None, d))
		want := firn.Written{Stream: "append-1", FirstPosition: 1, LastPosition: 1, IDs: []firn.ID{d.ID}}
		if len(done.Writes) != 1 || !sameWritten(done.Writes[0], want) || done.Position != 1 || done.Repeated {
			s.t.Fatalf("got %+v, want one write %+v up to position 1", done, want)
		}
		if done.Time.Before(before) || done.Time.Location() != time.UTC || done.Time.Nanosecond()%1000 != 0 {
			s.t.Fatalf("the time is %s, want one in UTC and in whole microseconds, not before %s", done.Time, before)
		}
		head, at, err := s.Head(s.t.Context(), firn.Consistency{})
		if head != 1 || !at.Equal(done.Time) || err != nil {
			s.t.Fatalf("the head is %d at %s (%v), want 1 at %s", head, at, err, done.Time)
		}
	})

	s.sub("positions and revisions have no gaps", func(s *tester) {
		head := s.head()
		for i, n := range []int{1, 3, 2, 5} {
			done := s.append(firn.To("append-2", firn.Any, drafts(n)...))
			if w := done.Writes[0]; w.FirstPosition != head+1 || w.LastPosition != head+firn.Position(n) || done.Position != w.LastPosition {
				s.t.Fatalf("append %d of %d events went to positions %d to %d behind head %d", i, n, w.FirstPosition, w.LastPosition, head)
			}
			head += firn.Position(n)
		}
		for i, e := range s.read(firn.Query{Stream: "append-2"}) {
			if e.Revision != firn.Revision(i) || e.Stream != "append-2" {
				s.t.Fatalf("event %d of the stream is %s", i, eventLine(e))
			}
		}
		for i, e := range s.read(firn.Query{All: true, System: true}) {
			if e.Position != firn.Position(i+1) {
				s.t.Fatalf("event %d of the store is %s", i, eventLine(e))
			}
		}
	})

	s.sub("ids are made where none is given", func(s *tester) {
		done := s.append(firn.To("append-3", firn.Any, firn.Draft{Type: "A"}, firn.Draft{Type: "A"}))
		events := s.read(firn.Query{Stream: "append-3"})
		ids := done.Writes[0].IDs
		if len(events) != 2 || !slices.Equal(ids, []firn.ID{events[0].ID, events[1].ID}) {
			s.t.Fatalf("the answer names ids %v, the events are %v", ids, events)
		}
		if ids[0].IsZero() || ids[0] == ids[1] {
			s.t.Fatalf("the ids made are %v", ids)
		}
	})

	s.sub("one append carries one time and counts its events", func(s *tester) {
		done := s.append(firn.To("append-4", firn.Any, drafts(2)...), firn.To("append-5", firn.Any, drafts(1)...))
		events := s.read(firn.Query{All: true, From: position(done.Position - 2)})
		for i, e := range events {
			if !e.Time.Equal(done.Time) || e.Index != uint32(i) || e.Count != 3 || e.AppendEnd() != (i == 2) {
				s.t.Errorf("event %d of 3: %d of %d at %s, want %s", i, e.Index, e.Count, e.Time, done.Time)
			}
		}
		if len(events) != 3 {
			s.t.Errorf("%d events, want 3", len(events))
		}
	})

	s.sub("times never go back", func(s *tester) {
		last := time.Time{}
		for _, e := range s.read(firn.Query{All: true, System: true}) {
			if e.Time.Before(last) {
				s.t.Fatalf("the time goes back from %s to %s", last, eventLine(e))
			}
			last = e.Time
		}
	})

	s.sub("the caller may use its bytes again", func(s *tester) {
		d := draft("A")
		d.Data, d.Metadata = []byte("data"), []byte("meta")
		s.append(firn.To("append-6", firn.Any, d))
		copy(d.Data, "????")
		copy(d.Metadata, "????")
		if e := s.read(firn.Query{Stream: "append-6"})[0]; string(e.Data) != "data" || string(e.Metadata) != "meta" {
			s.t.Errorf("the stored event changed with the caller's bytes: %s", eventLine(e))
		}
	})
}

func sameWritten(a, b firn.Written) bool {
	return a.Stream == b.Stream && a.FirstRevision == b.FirstRevision && a.LastRevision == b.LastRevision &&
		a.FirstPosition == b.FirstPosition && a.LastPosition == b.LastPosition && slices.Equal(a.IDs, b.IDs)
}
