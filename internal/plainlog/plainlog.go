// Package plainlog writes errors into logs as their message and nothing else.
//
// The errors of Pebble, formatted with %+v, print the stack where they were
// made. [slog.TextHandler] formats every value so, and Pebble some of its own
// messages.
package plainlog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
)

// Text is [fmt.Sprintf], with errors as their message whatever the verb.
func Text(format string, args ...any) string {
	args = slices.Clone(args)
	for i, a := range args {
		if err, ok := a.(error); ok && err != nil {
			args[i] = err.Error()
		}
	}
	return fmt.Sprintf(format, args...)
}

// Logger returns a logger to the same place, which writes errors as their
// message.
func Logger(to *slog.Logger) *slog.Logger { return slog.New(handler{to.Handler()}) }

type handler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	plain := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		plain.AddAttrs(message(a))
		return true
	})
	return h.Handler.Handle(ctx, plain)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	attrs = slices.Clone(attrs)
	for i, a := range attrs {
		attrs[i] = message(a)
	}
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// message makes of an error its message.
func message(a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok && err != nil {
		a.Value = slog.StringValue(err.Error())
	}
	return a
}
