package storetest

import (
	"slices"

	"github.com/firndb/firn"
)

// testRepetition: an append that is sent again is recognised by its ids.
func testRepetition(s *tester) {
	// again repeats an append and wants the first answer.
	again := func(s *tester, first firn.Appended, writes ...firn.Write) {
		s.t.Helper()
		head := s.head()
		done := s.append(writes...)
		if !done.Repeated || done.Position != first.Position || !done.Time.Equal(first.Time) || !slices.EqualFunc(done.Writes, first.Writes, sameWritten) {
			s.t.Fatalf("the repetition is answered with\n%+v, the append was with\n%+v", done, first)
		}
		if now := s.head(); now != head {
			s.t.Fatalf("the repetition moved the head from %d to %d", head, now)
		}
	}

	s.sub("whatever is expected, and whatever came since", func(s *tester) {
		for i, expect := range []firn.Expectation{firn.Any, firn.None} {
			stream := []string{"repeat-1", "repeat-2"}[i]
			write := firn.To(stream, expect, drafts(3)...)
			first := s.append(write)
			again(s, first, write)
			s.fill(stream, 2)
			again(s, first, write)
			for _, other := range []firn.Expectation{firn.Exists, firn.None, firn.At(0), firn.At(2), firn.At(99)} {
				write.Expect = other
				again(s, first, write)
			}
		}
	})

	s.sub("several streams, and checks that would fail now", func(s *tester) {
		writes := []firn.Write{
			firn.To("repeat-3", firn.None, drafts(2)...),
			firn.Check("repeat-4", firn.None),
			firn.To("repeat-5", firn.None, drafts(1)...),
		}
		first := s.append(writes...)
		s.fill("repeat-4", 1)
		again(s, first, writes...)
		again(s, first, writes[0], writes[2])
	})

	s.sub("at the stream's current revision, when the answer was lost", func(s *tester) {
		s.fill("repeat-6", 2)
		ds := drafts(2)
		first := s.append(firn.To("repeat-6", firn.At(1), ds...))
		again(s, first, firn.To("repeat-6", firn.At(3), ds...))
	})

	s.sub("hidden events are still known", func(s *tester) {
		for i, life := range []firn.Life{firn.Delete{}, firn.Truncate{Before: 1}, firn.Tombstone{}, firn.Limits{MaxCount: 1}} {
			stream := []string{"repeat-7", "repeat-8", "repeat-9", "repeat-10"}[i]
			write := firn.To(stream, firn.None, drafts(2)...)
			first := s.append(write)
			s.change(stream, life)
			again(s, first, write)
		}
	})

	s.sub("defaults and exact values are one content", func(s *tester) {
		d := draft("T")
		d.Data = nil
		first := s.append(firn.To("repeat-11", firn.Any, d))
		d.ContentType, d.Data, d.Metadata = firn.JSON, []byte{}, []byte{}
		again(s, first, firn.To("repeat-11", firn.Any, d))
	})

	s.sub("the same id in another stream is another event", func(s *tester) {
		d := draft("T")
		s.append(firn.To("repeat-12", firn.Any, d))
		if done := s.append(firn.To("repeat-13", firn.Any, d)); done.Repeated {
			s.t.Error("the event in the other stream counts as a repetition")
		}
		if got := s.read(firn.Query{ID: d.ID}); len(got) != 2 || got[0].Stream != "repeat-12" || got[1].Stream != "repeat-13" {
			s.t.Errorf("the id finds %v", got)
		}
	})

	s.sub("the same id with other content is refused", func(s *tester) {
		for name, alter := range alterations() {
			d := fullDraft()
			first := s.append(firn.To("repeat-14", firn.Any, d))
			alter(&d)
			e := s.fails(firn.ErrIDReused, firn.To("repeat-14", firn.Any, d))
			if len(e.IDs) == 0 || e.IDs[0] != d.ID || len(e.Positions) == 0 || e.Positions[0] != first.Position {
				s.t.Errorf("%s differs: the error names ids %v at %v, want %s at %d", name, e.IDs, e.Positions, d.ID, first.Position)
			}
		}
		ds := drafts(2)
		s.append(firn.To("repeat-15", firn.Any, ds...))
		ds[1].Data = []byte("other")
		s.fails(firn.ErrIDReused, firn.To("repeat-15", firn.Any, ds...))
		s.fails(firn.ErrIDReused, firn.To("repeat-15", firn.Any, draft("T"), ds[1]))
	})

	s.sub("a repetition in part is refused", func(s *tester) {
		ds := drafts(3)
		s.append(firn.To("repeat-16", firn.Any, ds...))
		for name, bad := range map[string][]firn.Draft{
			"one more":      append(slices.Clone(ds), draft("T")),
			"one before":    append(drafts(1), ds...),
			"another order": {ds[1], ds[0], ds[2]},
			"one left out":  {ds[0], ds[2]},
		} {
			e := s.fails(firn.ErrPartialRepeat, firn.To("repeat-16", firn.Any, bad...))
			for _, d := range ds {
				if slices.Contains(e.IDs, d.ID) != slices.ContainsFunc(bad, func(b firn.Draft) bool { return b.ID == d.ID }) {
					s.t.Errorf("%s: the error names the ids %v", name, e.IDs)
				}
			}
		}
		s.fails(firn.ErrPartialRepeat, firn.To("repeat-16", firn.Any, ds...), firn.To("repeat-17", firn.Any, draft("T")))
	})

	s.sub("a part that stands together is a repetition of that part", func(s *tester) {
		ds := drafts(4)
		s.append(firn.To("repeat-18", firn.Any, ds...))
		done := s.append(firn.To("repeat-18", firn.Any, ds[1:3]...))
		if !done.Repeated || done.Writes[0].FirstRevision != 1 || done.Writes[0].LastRevision != 2 {
			s.t.Errorf("the answer is %+v", done)
		}
	})

	s.sub("an id twice in one write is refused", func(s *tester) {
		d := draft("T")
		s.fails(firn.ErrInvalid, firn.To("repeat-19", firn.Any, d, d))
	})
}
