package storetest

import (
	"bytes"
	"strings"

	"github.com/firndb/firn"
)

// testSizes: what is over a limit is refused by name, and what is at it is not.
func testSizes(s *tester) {
	size := func(data, metadata int) firn.Draft {
		d := draft("T")
		d.Data, d.Metadata = bytes.Repeat([]byte("d"), data), bytes.Repeat([]byte("m"), metadata)
		return d
	}
	for name, write := range map[string]firn.Write{
		"an event of 5 MiB":            firn.To("size-1", firn.Any, size(5<<20, 0)),
		"one byte over, with metadata": firn.To("size-1", firn.Any, size(firn.EventBytesMax-9, 10)),
		"an append over 8 MiB":         firn.To("size-1", firn.Any, size(3<<20, 0), size(3<<20, 0), size(3<<20, 0)),
		"too many events":              firn.To("size-1", firn.Any, drafts(firn.AppendEventsMax+1)...),
		"a long type":                  firn.To("size-1", firn.Any, firn.Draft{Type: text(firn.TypeBytesMax + 1)}),
		"a long content type":          firn.To("size-1", firn.Any, firn.Draft{Type: "T", ContentType: text(firn.ContentTypeMax + 1)}),
		"a long correlation id":        firn.To("size-1", firn.Any, firn.Draft{Type: "T", CorrelationID: text(firn.TraceBytesMax + 1)}),
		"a long causation id":          firn.To("size-1", firn.Any, firn.Draft{Type: "T", CausationID: text(firn.TraceBytesMax + 1)}),
	} {
		s.sub(name, func(s *tester) {
			s.fails(firn.ErrTooLarge, write)
			s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "size-1"}))
		})
	}

	s.sub("the largest event", func(s *tester) {
		d := size(firn.EventBytesMax-1000, 1000)
		s.append(firn.To("size-2", firn.None, d))
		if e := s.read(firn.Query{Stream: "size-2"})[0]; !bytes.Equal(e.Data, d.Data) || !bytes.Equal(e.Metadata, d.Metadata) {
			s.t.Error("the event does not come back whole")
		}
	})

	s.sub("the most events", func(s *tester) {
		ds := drafts(firn.AppendEventsMax)
		done := s.append(firn.To("size-3", firn.None, ds...))
		if done.Writes[0].LastRevision != firn.AppendEventsMax-1 {
			s.t.Fatalf("the answer ends at revision %d", done.Writes[0].LastRevision)
		}
		for i, e := range s.read(firn.Query{Stream: "size-3"}) {
			if e.ID != ds[i].ID {
				s.t.Fatalf("event %d has the id %s, want %s", i, e.ID, ds[i].ID)
			}
		}
	})

	s.sub("the longest name", func(s *tester) {
		name := "size-" + strings.Repeat("ä", (firn.StreamNameBytesMax-5)/2)
		events := s.fill(name, 2)
		s.change(name, firn.Truncate{Before: 1})
		s.shows(firn.Query{Stream: name}, events[1])
		if got := s.list(firn.StreamQuery{Prefix: name}); len(got) != 1 || got[0].Name != name {
			s.t.Errorf("listed as %+v", got)
		}
	})
}
