// Package tracing connects stores with OpenTelemetry: it makes spans for
// appends, loads and the handling of events, and hands the trace on from an
// append, through the event, to whoever handles it.
//
//	db, err := client.Dial(ctx, addresses, client.Options{})
//	store := tracing.Wrap(db, tracing.Options{Tracer: provider.Tracer("shop")})
//	…
//	store.Append(ctx, …)                          // a span; the events carry its trace
//
//	for message, err := range db.Subscribe(ctx, query) {
//		ctx, end := tracing.Handle(ctx, &message.Event, tracing.Options{Tracer: tracer})
//		err := handle(ctx, message.Event)           // a span that belongs to the append's trace
//		end(err)
//	}
//
// What travels with an event are the two headers of W3C Trace Context, as
// members of its metadata where that is a JSON object or empty:
//
//	traceparent  the span that appended it
//	tracestate   what tracing systems add to it, where they do
//
// Metadata that is something else, or has a traceparent already, stays as it is.
// The events' causation and correlation (see [firn.CausedBy]) say the same for the
// store itself, without any tracing system: Handle sets them too.
package tracing
