package storetest

import (
	"reflect"
	"slices"

	"github.com/firndb/firn"
)

// testStreams: descriptions of one stream, and listing.
func testStreams(s *tester) {
	s.sub("an empty store has none", func(s *tester) {
		if got := s.list(firn.StreamQuery{System: true}); len(got) != 0 {
			s.t.Errorf("listed: %+v", got)
		}
	})

	names := []string{"Z", "a", "a-1", "a-10", "a-2", "ab-1", "b", "b-1", "ä-1"} // in order of their bytes
	for i := range names {
		s.append(firn.To(names[len(names)-1-i], firn.None, drafts(2)...))
	}
	written := s.head()
	s.change("a-10", firn.Delete{})
	s.change("b-1", firn.Tombstone{})
	s.change("never-1", firn.Metadata{Data: []byte("{}")})
	s.change("never-2", firn.Tombstone{})

	s.sub("one stream", func(s *tester) {
		events := s.read(firn.Query{Stream: "a-1"})
		info := s.info("a-1", firn.Point{})
		if info.Name != "a-1" || info.State != firn.Live || info.Position != s.head() || info.Revision != 1 || info.FirstRevision != 0 ||
			info.Events != 2 || info.Bytes == 0 || !info.FirstTime.Equal(events[0].Time) || !info.LastTime.Equal(events[1].Time) {
			s.t.Errorf("it is described as %+v", info)
		}
		if info := s.info("a-1", revision(0)); info.Position != events[0].Position || info.Revision != 0 || info.Events != 1 {
			s.t.Errorf("as of revision 0 it is described as %+v", info)
		}
		for _, name := range []string{"never-1", "never-2", "never-3"} {
			_, err := s.Stream(s.t.Context(), name, firn.Point{})
			s.want(firn.ErrNotFound, err)
		}
		_, err := s.Stream(s.t.Context(), "", firn.Point{})
		s.want(firn.ErrInvalid, err)
	})

	listed := func(s *tester, q firn.StreamQuery, want ...string) {
		s.t.Helper()
		var got []string
		for _, info := range s.list(q) {
			got = append(got, info.Name)
			if one := s.info(info.Name, q.Bound); reflect.DeepEqual(one, info) {
				continue
			}
			s.t.Errorf("%q is listed otherwise than it is described alone: %+v", info.Name, info)
		}
		if !slices.Equal(got, want) {
			s.t.Errorf("streams %+v: got %q, want %q", q, got, want)
		}
	}

	s.sub("listing", func(s *tester) {
		listed(s, firn.StreamQuery{}, names...)
		listed(s, firn.StreamQuery{Prefix: "a"}, "a", "a-1", "a-10", "a-2", "ab-1")
		listed(s, firn.StreamQuery{Prefix: "a-1"}, "a-1", "a-10")
		listed(s, firn.StreamQuery{Prefix: "none such"})
		listed(s, firn.StreamQuery{Category: "a"}, "a-1", "a-10", "a-2")
		listed(s, firn.StreamQuery{Category: "a", Prefix: "a-1", After: "a-1"}, "a-10")
		listed(s, firn.StreamQuery{After: "a-10"}, names[4:]...)
		listed(s, firn.StreamQuery{After: "a-11"}, names[4:]...)
		listed(s, firn.StreamQuery{Limit: 3}, names[:3]...)
		listed(s, firn.StreamQuery{Limit: 2, After: "a-1"}, "a-10", "a-2")
		listed(s, firn.StreamQuery{Bound: firn.StartPoint()})
		listed(s, firn.StreamQuery{Bound: position(2)}, "ä-1")
		listed(s, firn.StreamQuery{Bound: position(4), Limit: 5}, "b-1", "ä-1")
		listed(s, firn.StreamQuery{Bound: position(written), Prefix: "a-10"}, "a-10")
		listed(s, firn.StreamQuery{Prefix: "$"})
		listed(s, firn.StreamQuery{System: true, Prefix: "$"}, "$$a-10", "$$b-1", "$$never-1", "$$never-2")
		listed(s, firn.StreamQuery{System: true, Category: "$$never"}, "$$never-1", "$$never-2")
		listed(s, firn.StreamQuery{System: true}, append([]string{"$$a-10", "$$b-1", "$$never-1", "$$never-2"}, names...)...)
	})

	s.sub("listing in pages", func(s *tester) {
		var got []string
		after := ""
		for range len(names) { // more pages than there are
			for _, info := range s.list(firn.StreamQuery{Limit: 2, After: after}) {
				got = append(got, info.Name)
				after = info.Name
			}
		}
		if !slices.Equal(got, names) {
			s.t.Errorf("page by page: %q, want %q", got, names)
		}
	})

	s.sub("listing says what state streams are in", func(s *tester) {
		want := map[string]firn.LifeState{"a-10": firn.Deleted, "b-1": firn.Tombstoned}
		for _, info := range s.list(firn.StreamQuery{}) {
			state, special := want[info.Name]
			if !special {
				state = firn.Live
			}
			if info.State != state || (info.Events == 0) != special {
				s.t.Errorf("%q is listed as %+v, want %s", info.Name, info, state)
			}
		}
		for _, info := range s.list(firn.StreamQuery{Bound: position(written)}) {
			if (info.State != firn.Live) != (info.Name == "b-1") { // a tombstone is seen from everywhere
				s.t.Errorf("as of before the changes %q is listed as %+v", info.Name, info)
			}
		}
	})

	s.sub("bad queries are refused", func(s *tester) {
		for _, q := range []firn.StreamQuery{{Bound: revision(1)}, {Category: "a-b"}} {
			_, err := collect(s.Streams(s.t.Context(), q))
			s.want(firn.ErrInvalid, err)
		}
	})
}
