package storetest

import (
	"bytes"

	"github.com/firndb/firn"
)

// testLife: delete, tombstone, truncate and metadata.
func testLife(s *tester) {
	s.sub("a deleted stream is gone and can be begun again", func(s *tester) {
		events := s.fill("life-1", 3)
		at := s.change("life-1", firn.Delete{})
		e := s.want(firn.ErrDeleted, s.readError(firn.Query{Stream: "life-1"}))
		if len(e.Positions) != 1 || e.Positions[0] != at {
			s.t.Errorf("deleted since %v, want %d", e.Positions, at)
		}
		s.shows(firn.Query{ID: events[0].ID})
		info := s.info("life-1", firn.Point{})
		if info.State != firn.Deleted || info.Events != 0 || info.Revision != 2 || info.Bytes != 0 || !info.FirstTime.IsZero() {
			s.t.Errorf("the deleted stream is described as %+v", info)
		}

		done := s.append(firn.To("life-1", firn.None, draft("Again")))
		if done.Writes[0].FirstRevision != 3 {
			s.t.Fatalf("begun again at revision %d, want 3", done.Writes[0].FirstRevision)
		}
		got := s.read(firn.Query{Stream: "life-1"})
		if len(got) != 1 || got[0].Revision != 3 {
			s.t.Fatalf("begun again, it reads as%s", lines(got))
		}
		s.shows(firn.Query{Category: "life"}, got...)
		if info := s.info("life-1", firn.Point{}); info.State != firn.Live || info.Events != 1 || info.FirstRevision != 3 {
			s.t.Errorf("begun again, it is described as %+v", info)
		}

		second := s.change("life-1", firn.Delete{})
		e = s.want(firn.ErrDeleted, s.readError(firn.Query{Stream: "life-1"}))
		if len(e.Positions) != 1 || e.Positions[0] != second {
			s.t.Errorf("deleted again since %v, want %d", e.Positions, second)
		}
	})

	s.sub("a tombstoned stream is gone for good", func(s *tester) {
		s.fill("life-2", 2)
		at := s.change("life-2", firn.Tombstone{})
		for _, err := range []error{
			s.readError(firn.Query{Stream: "life-2"}),
			s.fails(firn.ErrTombstoned, firn.To("life-2", firn.Any, draft("T"))),
		} {
			if e := s.want(firn.ErrTombstoned, err); len(e.Positions) != 1 || e.Positions[0] != at {
				s.t.Errorf("tombstoned since %v, want %d", e.Positions, at)
			}
		}
		for _, life := range []firn.Life{firn.Delete{}, firn.Tombstone{}, firn.Truncate{}, firn.Limits{}, firn.Metadata{}} {
			_, err := s.Change(s.t.Context(), "life-2", firn.Any, life)
			s.want(firn.ErrTombstoned, err)
		}
		if info := s.info("life-2", firn.Point{}); info.State != firn.Tombstoned || info.Events != 0 || info.Revision != 1 {
			s.t.Errorf("it is described as %+v", info)
		}
	})

	s.sub("a name can be tombstoned before it is used", func(s *tester) {
		s.change("life-3", firn.Tombstone{})
		s.fails(firn.ErrTombstoned, firn.To("life-3", firn.None, draft("T")))
		s.want(firn.ErrTombstoned, s.readError(firn.Query{Stream: "life-3"}))
		_, err := s.Stream(s.t.Context(), "life-3", firn.Point{})
		s.want(firn.ErrNotFound, err)
	})

	s.sub("truncation hides what is below", func(s *tester) {
		events := s.fill("life-4", 5)
		s.change("life-4", firn.Truncate{Before: 2})
		s.shows(firn.Query{Stream: "life-4"}, events[2:]...)
		s.change("life-4", firn.Truncate{Before: 1}) // recorded, but nothing comes back
		s.shows(firn.Query{Stream: "life-4", Backwards: true, Limit: 9}, events[4], events[3], events[2])
		s.shows(firn.Query{ID: events[1].ID})
		if info := s.info("life-4", firn.Point{}); info.State != firn.Live || info.Events != 3 || info.FirstRevision != 2 || info.Revision != 4 {
			s.t.Errorf("it is described as %+v", info)
		}
		s.change("life-4", firn.Truncate{Before: 5})
		s.shows(firn.Query{Stream: "life-4"}) // empty, and no error
		done := s.append(firn.To("life-4", firn.At(4), draft("T")))
		if w := done.Writes[0]; w.FirstRevision != 5 {
			s.t.Errorf("the next event got revision %d, want 5", w.FirstRevision)
		}
		if _, err := s.Change(s.t.Context(), "life-4", firn.Any, firn.Truncate{Before: 7}); err == nil {
			s.t.Error("a truncation beyond the next revision was accepted")
		} else {
			s.want(firn.ErrInvalid, err)
		}
	})

	s.sub("what makes no sense is refused", func(s *tester) {
		s.fill("life-5", 1)
		s.change("life-5", firn.Delete{})
		for _, life := range []firn.Life{firn.Delete{}, firn.Truncate{Before: 1}} {
			_, err := s.Change(s.t.Context(), "life-5", firn.Any, life)
			s.want(firn.ErrDeleted, err)
			_, err = s.Change(s.t.Context(), "life-never", firn.Any, life)
			s.want(firn.ErrNotFound, err)
		}
		s.change("life-5", firn.Metadata{Data: []byte("{}")}) // of a deleted stream, allowed
		s.change("life-5", firn.Limits{MaxCount: 3})
		s.change("life-5", firn.Tombstone{})
		for _, life := range []firn.Life{firn.Delete{}, firn.Tombstone{}, firn.Truncate{}, firn.Limits{}, firn.Metadata{}} {
			for _, name := range []string{"", "$$life-5", "$system", "a\x00b"} {
				_, err := s.Change(s.t.Context(), name, firn.Any, life)
				s.want(firn.ErrInvalid, err)
			}
		}
	})

	s.sub("metadata is replaced and removed", func(s *tester) {
		s.fill("life-6", 1)
		if info := s.info("life-6", firn.Point{}); info.Metadata != nil {
			s.t.Errorf("metadata before any was set: %q", info.Metadata)
		}
		for _, data := range []string{`{"owner":"a"}`, "\x00\xff not JSON", ""} {
			s.change("life-6", firn.Metadata{Data: []byte(data)})
			if info := s.info("life-6", firn.Point{}); string(info.Metadata) != data || (info.Metadata == nil) != (data == "") {
				s.t.Errorf("metadata %q is described as %q", data, info.Metadata)
			}
		}
	})

	s.sub("each change is an event of the system's", testLifeEvents)
}

// testLifeEvents: what a change leaves in the stream's system stream.
func testLifeEvents(s *tester) {
	s.fill("recorded-1", 3)
	s.change("recorded-2", firn.Tombstone{}) // never written
	steps := []struct {
		life firn.Life
		typ  string
		data string
	}{
		{firn.Truncate{Before: 1}, firn.TypeTruncated, `{"before":1}`},
		{firn.Limits{MaxAge: 90e9, MaxCount: 7}, firn.TypeLimits, `{"max_age_us":90000000,"max_count":7}`},
		{firn.Limits{}, firn.TypeLimits, `{}`},
		{firn.Metadata{Data: []byte(`{"a" : 1}`)}, firn.TypeMetadata, `{"a" : 1}`},
		{firn.Metadata{}, firn.TypeMetadata, `null`},
		{firn.Delete{}, firn.TypeDeleted, `{"revision":2}`},
		{firn.Tombstone{}, firn.TypeTombstoned, `{"revision":2}`},
	}
	var at []firn.Position
	for _, step := range steps {
		at = append(at, s.change("recorded-1", step.life))
	}
	events := s.read(firn.Query{Stream: firn.LifeStream("recorded-1")})
	if len(events) != len(steps) {
		s.t.Fatalf("%d changes are recorded as%s", len(steps), lines(events))
	}
	for i, e := range events {
		data := e.Data
		if e.Type != firn.TypeMetadata {
			data = canonical(data)
		}
		if e.Type != steps[i].typ || !bytes.Equal(data, []byte(steps[i].data)) || e.ContentType != firn.JSON || e.ID.IsZero() ||
			e.Position != at[i] || e.Revision != firn.Revision(i) || e.Index != 0 || e.Count != 1 {
			s.t.Errorf("%T%+v is recorded as %s, want type %s, data %s at position %d", steps[i].life, steps[i].life, eventLine(e), steps[i].typ, steps[i].data, at[i])
		}
	}
	never := s.read(firn.Query{Stream: firn.LifeStream("recorded-2")})
	if len(never) != 1 || string(canonical(never[0].Data)) != `{"revision":null}` {
		s.t.Errorf("the tombstone of a stream that was never written is recorded as%s", lines(never))
	}
	if got := s.read(firn.Query{All: true, From: position(at[0])}); len(got) != 0 {
		s.t.Errorf("without System, all shows%s", lines(got))
	}
	s.shows(firn.Query{All: true, System: true, From: position(at[0])}, events...)
	s.shows(firn.Query{Category: "$$recorded", System: true}, append(never, events...)...)
	s.shows(firn.Query{Category: "$$recorded"})
	s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: firn.LifeStream("recorded-3")}))
}
