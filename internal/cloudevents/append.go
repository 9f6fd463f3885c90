package cloudevents

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

// Append appends an event as a CloudEvent on one line, without the line end.
// The same event always gives the same bytes.
func Append(dst []byte, e *firn.Event) []byte {
	a := take(e)
	var o jsonline.Object
	o.String("specversion", "1.0")
	if a.id != "" {
		o.String("id", a.id)
	} else {
		o.String("id", e.ID.String())
	}
	o.String("source", a.source)
	o.String("type", e.Type)
	o.String("subject", e.Stream)
	if e.Occurred.IsZero() {
		o.String("time", formatTime(e.Time))
	} else {
		o.String("time", formatTime(e.Occurred))
	}
	o.String("datacontenttype", e.ContentType)
	place(&o, "firnrevision", a.revision, uint64(e.Revision))
	place(&o, "firnposition", a.position, uint64(e.Position))
	if e.Schema != 0 {
		o.Uint("firnschema", uint64(e.Schema))
	}
	o.String("firntime", formatTime(e.Time))
	if e.CorrelationID != "" {
		o.String("correlationid", e.CorrelationID)
	}
	if e.CausationID != "" {
		o.String("causationid", e.CausationID)
	}
	for _, m := range a.trace {
		o.JSON(m.Name, m.Value)
	}
	if utf8.Valid(a.rest) {
		if len(a.rest) > 0 {
			o.String("firnmetadata", string(a.rest))
		}
	} else {
		o.Base64("firnmetadatabase64", a.rest)
	}
	for _, m := range a.kept {
		o.JSON(m.Name, m.Value)
	}
	switch {
	case len(e.Data) == 0:
	case IsJSON(e.ContentType) && jsonline.Valid(e.Data):
		o.JSON("data", e.Data)
	default:
		o.Base64("data_base64", e.Data)
	}
	return append(dst, o.Bytes()...)
}

// place writes where the event was first recorded: here, unless it came from
// another store and says so.
func place(o *jsonline.Object, name string, kept []byte, here uint64) {
	if n, err := strconv.ParseUint(string(kept), 10, 64); err == nil {
		here = n
	}
	o.Uint(name, here)
}

// formatTime writes the digits after the second in threes, no more than the
// time has: that is how most systems write them, so that what they wrote goes
// out the same.
func formatTime(t time.Time) string {
	layout := "2006-01-02T15:04:05Z"
	switch micros := t.Nanosecond() / 1000; {
	case micros%1000 != 0:
		layout = "2006-01-02T15:04:05.000000Z"
	case micros != 0:
		layout = "2006-01-02T15:04:05.000Z"
	}
	return t.UTC().Format(layout)
}
