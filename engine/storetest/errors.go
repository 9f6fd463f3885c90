package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/firndb/firn"
)

// testErrors: bad calls get their error, and the next call works.
func testErrors(s *tester) {
	s.sub("appends", func(s *tester) {
		s.fails(firn.ErrInvalid)
		for name, write := range map[string]firn.Write{
			"no stream":                firn.To("", firn.Any, draft("T")),
			"a long name":              firn.To(text(600), firn.Any, draft("T")),
			"NUL in the name":          firn.To("a\x00b", firn.Any, draft("T")),
			"a name that is not UTF-8": firn.To("a\xff", firn.Any, draft("T")),
			"a space at the end":       firn.To("a ", firn.Any, draft("T")),
			"a bad name in a check":    firn.Check("a\nb", firn.Any),
			"a system stream":          firn.To("$mine", firn.Any, draft("T")),
			"a stream's life":          firn.To(firn.LifeStream("error-1"), firn.Any, draft("T")),
			"no type":                  firn.To("error-1", firn.Any, firn.Draft{}),
			"a system type":            firn.To("error-1", firn.Any, draft(firn.TypeDeleted)),
			"a type that is not UTF-8": firn.To("error-1", firn.Any, draft("T\xc0")),
			"a newline in the type":    firn.To("error-1", firn.Any, draft("T\n")),
			"NUL in the type":          firn.To("error-1", firn.Any, draft("T\x00")),
		} {
			s.sub(name, func(s *tester) {
				s.fails(firn.ErrInvalid, write)
				s.fails(firn.ErrInvalid, firn.To("error-2", firn.Any, draft("T")), write)
			})
		}
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "error-2"}))
		s.append(firn.To("error-1", firn.None, draft("T")))
	})

	s.sub("reads", func(s *tester) {
		for _, q := range []firn.Query{
			{}, {All: true, Stream: "error-1"}, {Category: "error", ID: firn.NewID()},
			{Stream: text(600)}, {Stream: " "}, {Category: "a-b"},
			{All: true, From: revision(1)}, {Category: "error", Bound: revision(1)}, {ID: firn.NewID(), From: revision(0)},
		} {
			s.want(firn.ErrInvalid, s.readError(q))
		}
		e := s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "error-3"}))
		if e.Stream != "error-3" {
			s.t.Errorf("the error names stream %q", e.Stream)
		}
	})

	s.sub("say whether a repetition helps", func(s *tester) {
		for _, err := range []*firn.Error{
			s.fails(firn.ErrConflict, firn.To("error-1", firn.None, draft("T"))),
			s.fails(firn.ErrInvalid, firn.To("", firn.None, draft("T"))),
		} {
			if err.Retry() != firn.RetryNo {
				s.t.Errorf("%v says %s", err, err.Retry())
			}
		}
	})

	s.sub("a context that is over", func(s *tester) {
		over, cancel := context.WithCancel(s.t.Context())
		cancel()
		head := s.head()
		_, appendErr := s.Append(over, firn.To("error-4", firn.Any, draft("T")))
		_, changeErr := s.Change(over, "error-1", firn.Any, firn.Delete{})
		_, readErr := collect(s.Read(over, firn.Query{All: true}))
		_, streamErr := s.Stream(over, "error-1", firn.Point{})
		_, streamsErr := collect(s.Streams(over, firn.StreamQuery{}))
		_, _, headErr := s.Head(over, firn.Consistency{})
		for i, err := range []error{appendErr, changeErr, readErr, streamErr, streamsErr, headErr} {
			if !errors.Is(err, context.Canceled) {
				s.t.Errorf("call %d answers %v, want the context's error", i, err)
			}
		}
		if s.head() != head {
			s.t.Error("a call under a cancelled context moved the head")
		}
	})

	s.sub("waiting for a position that does not come", func(s *tester) {
		short, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
		defer cancel()
		if _, _, err := s.Head(short, firn.Consistency{AtLeast: s.head() + 1}); err == nil {
			s.t.Error("answered before the position was there")
		}
	})
}
