package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/firndb/firn"
)

// Options of package tracing. Zero means the default.
type Options struct {
	Tracer trace.Tracer // default: none; what is in the context still travels with the events
}

func (o *Options) setDefaults() {
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
}

// Traced is what is wrapped: the client, an embedded node and [firn.Memory] are
// such stores.
type Traced interface {
	firn.Store
	firn.Snapshots
}

// Store makes spans for the appends and loads of a store. All else is the
// store's own.
type Store struct {
	Traced
	o Options
}

var _ Traced = (*Store)(nil)

// Wrap returns a store that makes spans.
func Wrap(store Traced, o Options) *Store {
	o.setDefaults()
	return &Store{store, o}
}

// Append appends in a span, whose trace the events carry.
func (s *Store) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	events := 0
	for i := range writes {
		events += len(writes[i].Drafts)
	}
	attributes := []attribute.KeyValue{attribute.Int("firn.events", events)}
	if len(writes) > 0 {
		attributes = append(attributes, attribute.String("firn.stream", writes[0].Stream))
	}
	ctx, span := s.o.Tracer.Start(ctx, "firn append", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attributes...))
	traced := make([]firn.Write, len(writes))
	for i, w := range writes {
		traced[i] = firn.Write{Stream: w.Stream, Expect: w.Expect, Drafts: make([]firn.Draft, len(w.Drafts))}
		for j, d := range w.Drafts {
			d.Metadata = inject(ctx, d.Metadata)
			traced[i].Drafts[j] = d
		}
	}
	done, err := s.Traced.Append(ctx, traced...)
	if err == nil {
		span.SetAttributes(attribute.Int64("firn.position", int64(done.Position)), attribute.Bool("firn.repeated", done.Repeated))
	}
	finish(span, err)
	return done, err
}

// Load loads in a span, which ends with the last event.
func (s *Store) Load(ctx context.Context, q firn.LoadQuery) (firn.Loaded, error) {
	ctx, span := s.o.Tracer.Start(ctx, "firn load", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("firn.stream", q.Stream)))
	loaded, err := s.Traced.Load(ctx, q)
	if err != nil {
		finish(span, err)
		return loaded, err
	}
	if loaded.Snapshot != nil {
		span.SetAttributes(attribute.Int64("firn.snapshot", int64(loaded.Snapshot.Revision)))
	}
	events := loaded.Events
	loaded.Events = func(yield func(firn.Event, error) bool) {
		n, failed := 0, error(nil)
		defer func() {
			span.SetAttributes(attribute.Int("firn.events", n))
			finish(span, failed)
		}()
		for e, err := range events {
			if failed = err; err == nil {
				n++
			}
			if !yield(e, err) {
				return
			}
		}
	}
	return loaded, nil
}

// Handle begins a span for handling an event, in the trace of the append that
// it comes from. What is appended under the context that it returns is caused by
// the event. end ends the span, with the error that handling ended with.
func Handle(ctx context.Context, e *firn.Event, o Options) (_ context.Context, end func(error)) {
	o.setDefaults()
	ctx = Extract(ctx, e)
	ctx, span := o.Tracer.Start(ctx, "firn handle "+e.Type, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("firn.stream", e.Stream), attribute.Int64("firn.revision", int64(e.Revision)), attribute.Int64("firn.position", int64(e.Position)),
	))
	return firn.CausedBy(ctx, e), func(err error) { finish(span, err) }
}

// finish ends a span with how it went.
func finish(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
