package storetest

import "github.com/firndb/firn"

// testChecks: conditions on streams that are not written.
func testChecks(s *tester) {
	s.fill("check-1", 3)

	s.sub("a check that holds lets the writes through and is no part of the answer", func(s *tester) {
		done := s.append(firn.Check("check-1", firn.At(2)), firn.To("check-2", firn.None, draft("T")), firn.Check("check-3", firn.None))
		if len(done.Writes) != 1 || done.Writes[0].Stream != "check-2" {
			s.t.Errorf("the answer is %+v", done)
		}
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "check-3"}))
	})

	s.sub("a check that fails stops the writes", func(s *tester) {
		s.fails(firn.ErrConflict, firn.To("check-4", firn.None, draft("T")), firn.Check("check-1", firn.At(1)))
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "check-4"}))
	})

	s.sub("bare checks write nothing and answer with the head", func(s *tester) {
		head := s.head()
		done := s.append(firn.Check("check-1", firn.At(2)), firn.Check("check-9", firn.None))
		if done.Position != head || len(done.Writes) != 0 || !done.Time.IsZero() || done.Repeated {
			s.t.Errorf("the answer is %+v, want the head %d and nothing else", done, head)
		}
		if s.head() != head {
			s.t.Error("the check moved the head")
		}
	})

	s.sub("a system stream may be checked", func(s *tester) {
		s.append(firn.Check(firn.LifeStream("check-1"), firn.None))
		s.fails(firn.ErrConflict, firn.Check(firn.LifeStream("check-1"), firn.Exists))
		s.change("check-1", firn.Metadata{})
		s.append(firn.Check(firn.LifeStream("check-1"), firn.At(0)))
		s.fails(firn.ErrConflict, firn.Check(firn.LifeStream("check-1"), firn.None))
	})
}
