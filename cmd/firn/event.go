package main

import (
	"fmt"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/jsonline"
)

// appendEvent adds an event's members to an object, in the order that scripts
// rely on.
func appendEvent(o *jsonline.Object, e *firn.Event) {
	o.String("stream", e.Stream)
	o.Uint("revision", uint64(e.Revision))
	o.Uint("position", uint64(e.Position))
	o.String("id", e.ID.String())
	o.String("type", e.Type)
	o.Uint("schema", uint64(e.Schema))
	o.Time("time", e.Time)
	isJSON := cloudevents.IsJSON(e.ContentType)
	switch {
	case !isJSON:
		o.Base64("data_base64", e.Data)
	case len(e.Data) == 0:
		o.Null("data")
	case jsonline.Valid(e.Data):
		o.JSON("data", e.Data)
	default:
		o.Base64("data_base64", e.Data)
		o.Bool("invalid", true)
	}
	switch {
	case len(e.Metadata) == 0:
		o.Null("metadata")
	case jsonline.Valid(e.Metadata):
		o.JSON("metadata", e.Metadata)
	default:
		o.Base64("metadata_base64", e.Metadata)
	}
	if e.ContentType != firn.JSON {
		o.String("content_type", e.ContentType)
	}
	if e.CorrelationID != "" {
		o.String("correlation_id", e.CorrelationID)
	}
	if e.CausationID != "" {
		o.String("causation_id", e.CausationID)
	}
	if !e.Occurred.IsZero() {
		o.Time("occurred", e.Occurred)
	}
}

var eventColumns = []string{"position", "stream", "revision", "time", "type", "data"}

// event prints one event of a list.
func (p *printer) event(e *firn.Event) error {
	if p.format == "json" {
		var o jsonline.Object
		appendEvent(&o, e)
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

// printable reports whether bytes can go to a terminal as they are.
func printable(b []byte) bool {
	return !strings.ContainsFunc(string(b), func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\uFFFD' || r >= 0x80 && r < 0xa0
	})
}
