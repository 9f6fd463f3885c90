package tracing

import (
	"bytes"
	"context"
	"encoding/json"

	"go.opentelemetry.io/otel/propagation"

	"github.com/firndb/firn"
)

// The members of an event's metadata. They are those of W3C Trace Context.
const (
	MetadataTraceparent = "traceparent"
	MetadataTracestate  = "tracestate"
)

var format propagation.TraceContext

// inject returns metadata with the context's trace in it. The bytes given are
// not changed.
func inject(ctx context.Context, metadata []byte) []byte {
	carried := propagation.MapCarrier{}
	format.Inject(ctx, carried)
	if carried[MetadataTraceparent] == "" {
		return metadata
	}
	at, members := 0, false // where the object's first member would stand, and whether there is one
	if len(bytes.TrimSpace(metadata)) > 0 {
		var known map[string]json.RawMessage
		if json.Unmarshal(metadata, &known) != nil || known == nil || known[MetadataTraceparent] != nil {
			return metadata
		}
		at, members = bytes.IndexByte(metadata, '{')+1, len(known) > 0
	} else {
		metadata, at = []byte("{}"), 1
	}
	var added []byte
	for _, name := range []string{MetadataTraceparent, MetadataTracestate} {
		if value := carried[name]; value != "" {
			text, _ := json.Marshal(value) // cannot fail: a string
			if len(added) > 0 {
				added = append(added, ',')
			}
			added = append(append(append(added, '"'), name...), `":`...)
			added = append(added, text...)
		}
	}
	if members {
		added = append(added, ',')
	}
	out := append(make([]byte, 0, len(metadata)+len(added)), metadata[:at]...)
	return append(append(out, added...), metadata[at:]...)
}

// Extract returns a context in the trace that an event carries; the context as
// it is, where it carries none.
func Extract(ctx context.Context, e *firn.Event) context.Context {
	var carried map[string]any
	if len(e.Metadata) == 0 || json.Unmarshal(e.Metadata, &carried) != nil {
		return ctx
	}
	headers := propagation.MapCarrier{}
	for _, name := range []string{MetadataTraceparent, MetadataTracestate} {
		if value, ok := carried[name].(string); ok {
			headers[name] = value
		}
	}
	return format.Extract(ctx, headers)
}
