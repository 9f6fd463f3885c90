package storetest

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/firndb/firn"
)

// fullDraft returns a draft with every field set.
func fullDraft() firn.Draft {
	return firn.Draft{
		ID: firn.NewID(), Type: "Grüße", Schema: 7, ContentType: "text/plain; charset=utf-8",
		Data: []byte("some data"), Metadata: []byte(`{"user":"u1"}`),
		CorrelationID: "order 42", CausationID: "command 17",
		Occurred: time.Date(2019, 5, 4, 3, 2, 1, 987654000, time.UTC),
	}
}

// alterations returns, for each field that is part of an event's content, a
// change to it.
func alterations() map[string]func(*firn.Draft) {
	return map[string]func(*firn.Draft){
		"type":         func(d *firn.Draft) { d.Type = "Other" },
		"schema":       func(d *firn.Draft) { d.Schema++ },
		"content type": func(d *firn.Draft) { d.ContentType = "" },
		"data":         func(d *firn.Draft) { d.Data = []byte("other data") },
		"no data":      func(d *firn.Draft) { d.Data = nil },
		"metadata":     func(d *firn.Draft) { d.Metadata = nil },
		"correlation":  func(d *firn.Draft) { d.CorrelationID = "" },
		"causation":    func(d *firn.Draft) { d.CausationID = "other" },
		"occurred":     func(d *firn.Draft) { d.Occurred = d.Occurred.Add(time.Microsecond) },
	}
}

// testFields: every field comes back as it was given.
func testFields(s *tester) {
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	alter := func(change func(*firn.Draft)) firn.Draft {
		d := fullDraft()
		change(&d)
		return d
	}
	cases := map[string]firn.Draft{
		"every field set":        fullDraft(),
		"only a type":            {Type: "T"},
		"empty data":             {Type: "T", Data: []byte{}, Metadata: []byte{}},
		"binary data":            alter(func(d *firn.Draft) { d.Data, d.Metadata = binary, binary }),
		"data that is not JSON":  {Type: "T", Data: []byte(`{"broken":`)},
		"numbers as written":     {Type: "T", Data: []byte(`{"a": 100.10, "b":1e2,"c":12345678901234567890}`)},
		"1 MiB of data":          alter(func(d *firn.Draft) { d.Data = bytes.Repeat(binary, 4096) }),
		"the highest schema":     alter(func(d *firn.Draft) { d.Schema = math.MaxUint32 }),
		"occurred in a zone":     alter(func(d *firn.Draft) { d.Occurred = d.Occurred.In(time.FixedZone("", -7200)) }),
		"occurred to the ns":     alter(func(d *firn.Draft) { d.Occurred = d.Occurred.Add(999) }),
		"occurred long ago":      alter(func(d *firn.Draft) { d.Occurred = time.Date(1066, 10, 14, 9, 0, 0, 1999, time.UTC) }),
		"an id that is no UUID":  alter(func(d *firn.Draft) { d.ID = firn.ID{15: 1} }),
		"the longest text":       alter(func(d *firn.Draft) { d.Type, d.CorrelationID = text(255), text(255) }),
		"the longest text, more": alter(func(d *firn.Draft) { d.ContentType, d.CausationID = text(255), text(255) }),
	}
	i := 0
	for name, d := range cases {
		stream := fmt.Sprint("field-", i)
		i++
		s.sub(name, func(s *tester) {
			done := s.append(firn.To(stream, firn.None, d))
			want := firn.Event{
				Stream: stream, Position: done.Position, Count: 1, Time: done.Time,
				ID: done.Writes[0].IDs[0], Type: d.Type, Schema: d.Schema, ContentType: d.ContentType,
				Data: d.Data, Metadata: d.Metadata, CorrelationID: d.CorrelationID, CausationID: d.CausationID,
				Occurred: d.Occurred.Truncate(time.Microsecond),
			}
			if want.ContentType == "" {
				want.ContentType = firn.JSON
			}
			s.shows(firn.Query{Stream: stream}, want)
			s.shows(firn.Query{All: true, From: position(done.Position)}, want)
			s.shows(firn.Query{Category: "field", Backwards: true, Limit: 1}, want)
			s.shows(firn.Query{ID: want.ID}, want)
			e := s.read(firn.Query{Stream: stream})[0]
			if !bytes.Equal(e.Data, d.Data) || !bytes.Equal(e.Metadata, d.Metadata) || e.Actor != "" {
				s.t.Errorf("data or metadata differ, or there is an actor: %s", eventLine(e))
			}
			if e.Time.Location() != time.UTC || !e.Occurred.IsZero() && e.Occurred.Location() != time.UTC {
				s.t.Errorf("times are not in UTC: %s, %s", e.Time, e.Occurred)
			}
		})
	}
}

// text returns n bytes of text.
func text(n int) string { return string(bytes.Repeat([]byte{'t'}, n)) }
