package storetest

import "github.com/firndb/firn"

// testAtomic: an append of several writes is done whole or not at all.
func testAtomic(s *tester) {
	s.sub("all streams are written, in the order given", func(s *tester) {
		a, b := drafts(2), drafts(3)
		head := s.head()
		done := s.append(firn.To("atomic-2", firn.None, b...), firn.To("atomic-1", firn.None, a...))
		if len(done.Writes) != 2 || done.Writes[0].Stream != "atomic-2" || done.Writes[1].Stream != "atomic-1" {
			s.t.Fatalf("the answer is %+v", done)
		}
		if w := done.Writes[0]; w.FirstPosition != head+1 || w.LastPosition != head+3 || w.LastRevision != 2 {
			s.t.Errorf("the first write is %+v behind head %d", w, head)
		}
		if w := done.Writes[1]; w.FirstPosition != head+4 || w.LastPosition != head+5 || w.LastRevision != 1 {
			s.t.Errorf("the second write is %+v behind head %d", w, head)
		}
		for i, e := range s.read(firn.Query{All: true, From: position(head + 1)}) {
			if want := append(b, a...)[i].ID; e.ID != want {
				s.t.Errorf("event %d has the id %s, want %s", i, e.ID, want)
			}
		}
	})

	s.sub("one failed expectation leaves every stream as it was", func(s *tester) {
		s.fill("atomic-3", 2)
		for _, failing := range []int{0, 1, 2} {
			writes := []firn.Write{
				firn.To("atomic-4", firn.None, draft("T")),
				firn.To("atomic-3", firn.At(1), draft("T")),
				firn.To("atomic-5", firn.Any, draft("T")),
			}
			writes[failing].Expect = firn.At(7)
			e := s.fails(firn.ErrConflict, writes...)
			if e.Conflict == nil || e.Conflict.Stream != writes[failing].Stream {
				s.t.Errorf("the conflict names %+v, want stream %q", e.Conflict, writes[failing].Stream)
			}
		}
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "atomic-4"}))
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "atomic-5"}))
	})

	s.sub("the first failing write is the one reported", func(s *tester) {
		s.fill("atomic-6", 1)
		s.change("atomic-6", firn.Tombstone{})
		missing := firn.To("atomic-7", firn.Exists, draft("T"))
		gone := firn.To("atomic-6", firn.Any, draft("T"))
		s.fails(firn.ErrConflict, missing, gone)
		s.fails(firn.ErrTombstoned, gone, missing)
	})

	s.sub("one stream in two writes is refused", func(s *tester) {
		s.fails(firn.ErrInvalid, firn.To("atomic-8", firn.Any, draft("T")), firn.To("atomic-8", firn.Any, draft("T")))
		s.fails(firn.ErrInvalid, firn.To("atomic-8", firn.Any, draft("T")), firn.Check("atomic-8", firn.None))
	})
}
