package storetest

import (
	"time"

	"github.com/firndb/firn"
)

// testCategoryLimits: limits that hold for each stream of a category which has
// none of its own.
func testCategoryLimits(s *tester) {
	a, b := s.fill("shared-1", 4), s.fill("shared-2", 3)
	other := s.fill("sharedness-1", 3)
	before := s.head()
	at := s.change(firn.CategoriesStream, firn.Limits{Category: "shared", MaxCount: 2})

	s.sub("hold for every stream of the category, and no other", func(s *tester) {
		s.shows(firn.Query{Stream: "shared-1"}, a[2:]...)
		s.shows(firn.Query{Stream: "shared-2"}, b[1:]...)
		s.shows(firn.Query{Stream: "sharedness-1"}, other...)
		s.shows(firn.Query{Category: "shared"}, a[2], a[3], b[1], b[2])
		if info := s.info("shared-1", firn.Point{}); info.MaxCount != 0 || info.Events != 2 {
			s.t.Errorf("a stream without limits of its own is described as %+v", info)
		}
	})

	s.sub("did not hold before", func(s *tester) {
		s.shows(firn.Query{Stream: "shared-1", Bound: position(before)}, a...)
	})

	s.sub("are recorded", func(s *tester) {
		events := s.read(firn.Query{Stream: firn.CategoriesStream})
		if len(events) != 1 || events[0].Type != firn.TypeLimits || events[0].Position != at ||
			string(canonical(events[0].Data)) != `{"category":"shared","max_count":2}` {
			s.t.Errorf("recorded as%s", lines(events))
		}
	})

	s.sub("yield, each by itself, to the stream's own", func(s *tester) {
		s.change("shared-1", firn.Limits{MaxCount: 3})
		s.shows(firn.Query{Stream: "shared-1"}, a[1:]...)
		s.change("shared-1", firn.Limits{MaxAge: time.Hour})
		s.shows(firn.Query{Stream: "shared-1"}, a[2:]...)
		s.change("shared-1", firn.Limits{MaxAge: time.Microsecond})
		s.shows(firn.Query{Stream: "shared-1"})
		s.change("shared-1", firn.Limits{})
	})

	s.sub("are replaced whole", func(s *tester) {
		s.change(firn.CategoriesStream, firn.Limits{Category: "shared", MaxAge: time.Hour})
		s.shows(firn.Query{Stream: "shared-1"}, a...)
		s.change(firn.CategoriesStream, firn.Limits{Category: "shared", MaxAge: time.Microsecond})
		s.shows(firn.Query{Category: "shared"})
		s.change("shared-2", firn.Limits{MaxCount: 1}) // says nothing of age
		s.shows(firn.Query{Stream: "shared-2"})
		s.change("shared-2", firn.Limits{})
		s.change(firn.CategoriesStream, firn.Limits{Category: "shared"})
		s.shows(firn.Query{Stream: "shared-2"}, b...)
	})

	s.sub("can have a condition", func(s *tester) {
		ctx := s.t.Context()
		last := s.info(firn.CategoriesStream, firn.Point{}).Revision
		_, err := s.Change(ctx, firn.CategoriesStream, firn.At(last+1), firn.Limits{Category: "shared", MaxCount: 1})
		s.want(firn.ErrConflict, err)
		if _, err = s.Change(ctx, firn.CategoriesStream, firn.At(last), firn.Limits{Category: "shared"}); err != nil {
			s.t.Error(err)
		}
	})

	s.sub("need a category, and are the only change to the system's stream", func(s *tester) {
		for _, life := range []firn.Life{
			firn.Limits{MaxCount: 1}, firn.Limits{Category: "with-dash", MaxCount: 1}, firn.Limits{Category: " ", MaxCount: 1},
			firn.Delete{}, firn.Tombstone{}, firn.Truncate{}, firn.Metadata{},
		} {
			_, err := s.Change(s.t.Context(), firn.CategoriesStream, firn.Any, life)
			s.want(firn.ErrInvalid, err)
		}
	})
}
