package tracing_test

import (
	"encoding/json"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/tracing"
)

// A trace goes from a request through its event to the handler, and on to what
// the handler appends.
func TestTraceTravels(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)).Tracer("test")
	o := tracing.Options{Tracer: tracer}
	store := tracing.Wrap(firn.Memory().(tracing.Traced), o)
	ctx, request := tracer.Start(t.Context(), "request")

	given := []byte(`{ "by": "ann" }`)
	if _, err := store.Append(ctx, firn.To("order-1", firn.None, firn.Draft{Type: "OrderPlaced", Metadata: given})); err != nil {
		t.Fatal(err)
	}
	request.End()
	if string(given) != `{ "by": "ann" }` {
		t.Errorf("the caller's metadata became %s", given)
	}
	placed := only(t, store, "order-1")
	var metadata map[string]string
	if err := json.Unmarshal(placed.Metadata, &metadata); err != nil || metadata["by"] != "ann" || len(metadata["traceparent"]) != 55 {
		t.Fatalf("the event's metadata is %s (%v)", placed.Metadata, err)
	}

	ctx, end := tracing.Handle(t.Context(), &placed, o)
	if _, err := store.Append(ctx, firn.To("mail", firn.Any, firn.Draft{Type: "MailSent"})); err != nil {
		t.Fatal(err)
	}
	end(errors.New("the mail came back"))
	if sent := only(t, store, "mail"); sent.CausationID != placed.ID.String() || sent.CorrelationID != placed.ID.String() {
		t.Errorf("what the handler appended has the causation %q and the correlation %q, want %v", sent.CausationID, sent.CorrelationID, placed.ID)
	}

	parents := map[string]trace.SpanContext{}
	var names []string
	for _, span := range recorder.Ended() {
		if span.SpanContext().TraceID() != request.SpanContext().TraceID() {
			t.Errorf("the span %q is of another trace", span.Name())
		}
		names = append(names, span.Name())
		parents[span.Name()] = span.Parent()
		if span.Name() == "firn handle OrderPlaced" && span.Status().Code != codes.Error {
			t.Error("the handler's error is not in its span")
		}
	}
	if len(names) != 4 || !parents["firn handle OrderPlaced"].IsRemote() {
		t.Errorf("the spans are %q, the handler's parent %+v", names, parents["firn handle OrderPlaced"])
	}
}

func only(t *testing.T, store firn.Store, stream string) firn.Event {
	t.Helper()
	for e, err := range store.Read(t.Context(), firn.Query{Stream: stream}) {
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	t.Fatalf("nothing in %s", stream)
	return firn.Event{}
}

// Metadata that the trace cannot be put into, or that has one, stays.
func TestMetadataStays(t *testing.T) {
	tracer := sdk.NewTracerProvider().Tracer("test")
	store := tracing.Wrap(firn.Memory().(tracing.Traced), tracing.Options{Tracer: tracer})
	for _, metadata := range []string{`[1]`, `"text"`, `null`, `{"traceparent":"mine"}`, "\xff\x00", `{"a":`} {
		stream := firn.NewID().String()
		if _, err := store.Append(t.Context(), firn.To(stream, firn.None, firn.Draft{Type: "T", Metadata: []byte(metadata)})); err != nil {
			t.Fatal(err)
		}
		if e := only(t, store, stream); string(e.Metadata) != metadata {
			t.Errorf("the metadata %q became %q", metadata, e.Metadata)
		}
	}
	for _, metadata := range []string{``, `{}`, ` { } `} {
		stream := firn.NewID().String()
		if _, err := store.Append(t.Context(), firn.To(stream, firn.None, firn.Draft{Type: "T", Metadata: []byte(metadata)})); err != nil {
			t.Fatal(err)
		}
		e := only(t, store, stream)
		if !json.Valid(e.Metadata) || !trace.SpanContextFromContext(tracing.Extract(t.Context(), &e)).IsValid() {
			t.Errorf("the metadata %q became %q, without a trace", metadata, e.Metadata)
		}
	}
}

// Without a tracer, a load is the store's own; with one, its span counts.
func TestLoad(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)).Tracer("test")
	for _, o := range []tracing.Options{{}, {Tracer: tracer}} {
		store := tracing.Wrap(firn.Memory().(tracing.Traced), o)
		if _, err := store.Append(t.Context(), firn.To("a", firn.None, firn.Draft{Type: "T"}, firn.Draft{Type: "T"})); err != nil {
			t.Fatal(err)
		}
		loaded, err := store.Load(t.Context(), firn.LoadQuery{Stream: "a", Fold: "f"})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range loaded.Events {
			n++
		}
		if n != 2 {
			t.Errorf("%d events came", n)
		}
	}
	if spans := recorder.Ended(); len(spans) != 2 || spans[1].Name() != "firn load" {
		t.Errorf("the spans are %v", spans)
	}
}
