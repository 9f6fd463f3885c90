package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// trace is what has happened, by virtual time. It keeps the newest lines.
type trace struct {
	out   io.Writer // nil: nobody
	began time.Time

	mu    sync.Mutex
	lines [traceLines]string
	next  int
	ended bool // the bubble, and with it virtual time
}

const traceLines = 20_000

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := "afterwards"
	if !t.ended {
		at = time.Since(t.began).Round(time.Microsecond).String()
	}
	line := fmt.Sprintf("%12s  %s", at, fmt.Sprintf(format, args...))
	t.lines[t.next%traceLines] = line
	t.next++
	if t.out != nil {
		fmt.Fprintln(t.out, line)
	}
}

// String returns what is kept.
func (t *trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b bytes.Buffer
	for i := max(0, t.next-traceLines); i < t.next; i++ {
		b.WriteString(t.lines[i%traceLines])
		b.WriteByte('\n')
	}
	return b.String()
}

// logTo makes a node's log part of the trace: what an operator would be told.
type logTo struct {
	trace *trace
	node  string
	with  string
}

func (l logTo) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l logTo) Handle(_ context.Context, r slog.Record) error {
	text := ""
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	l.trace.add("%s %s: %s%s%s", l.node, r.Level, r.Message, l.with, text)
	return nil
}

func (l logTo) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key != "node" {
			l.with += " " + a.String()
		}
	}
	return l
}

func (l logTo) WithGroup(string) slog.Handler { return l }
