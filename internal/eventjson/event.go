package eventjson

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/jsonline"
)

// Event adds an event's members to an object, in the order that scripts
// rely on.
func Event(o *jsonline.Object, e *firn.Event) {
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
	if e.Actor != "" {
		o.String("actor", e.Actor)
	}
	if e.Fault != nil {
		var fault jsonline.Object
		fault.String("kind", e.Fault.Kind.String())
		fault.String("message", e.Fault.Message)
		o.JSON("fault", fault.Bytes())
	}
}
