package main

import (
	"fmt"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

var eventColumns = []string{"position", "stream", "revision", "time", "type", "data"}

// event prints one event of a list.
func (p *printer) event(e *firn.Event) error {
	if p.format == "json" {
		var o jsonline.Object
		eventjson.Event(&o, e)
		return p.line(o.Bytes())
	}
	data := fmt.Sprintf("(%d bytes of %s)", len(e.Data), e.ContentType)
	if len(e.Data) == 0 {
		data = ""
	} else if cloudevents.IsJSON(e.ContentType) && jsonline.Valid(e.Data) {
		data = string(jsonline.Compact(nil, e.Data))
	} else if printable(e.Data) {
		data = string(e.Data)
	}
	return p.cells(eventColumns, []string{
		fmt.Sprint(e.Position), e.Stream, fmt.Sprint(e.Revision), jsonline.FormatTime(e.Time), e.Type, data,
	})
}

// event prints an event. Why it is not in today's shape goes to standard error
// where it is not part of what is printed.
func (s *session) event(e *firn.Event) error {
	if err := s.print.event(e); err != nil || e.Fault == nil || s.print.format == "json" {
		return err
	}
	return s.noteFault(e)
}

func (s *session) noteFault(e *firn.Event) error {
	_, err := fmt.Fprintf(s.err, "firn: %s/%d @%d is shown as it is stored: %v\n", e.Stream, e.Revision, e.Position, e.Fault)
	return err
}

// printable reports whether bytes can go to a terminal as they are.
func printable(b []byte) bool {
	return !strings.ContainsFunc(string(b), func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\uFFFD' || r >= 0x80 && r < 0xa0
	})
}
