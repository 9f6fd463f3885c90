package replication

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// logger lets Raft log through log/slog. Raft speaks hclog, whose levels and
// key-value pairs are nearly the same.
type logger struct {
	hclog.Logger // the methods that Raft does not call
	to           *slog.Logger
	seen         *seen
}

func newLogger(to *slog.Logger) hclog.Logger {
	return &logger{Logger: hclog.NewNullLogger(), to: to, seen: &seen{last: make(map[string]time.Time)}}
}

// seen keeps Raft from saying the same about the same several times a second,
// as it does while a peer is down.
type seen struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const (
	sayAgainAfter = 10 * time.Second
	seenMax       = 256
)

// lately reports whether it was said lately; if not, it is said now.
func (s *seen) lately(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[what]; ok && time.Since(last) < sayAgainAfter {
		return true
	}
	if len(s.last) >= seenMax {
		clear(s.last)
	}
	s.last[what] = time.Now()
	return false
}

// about is what a message is about: its text and the first thing it names.
func about(msg string, args []any) string {
	if len(args) < 2 {
		return msg
	}
	return fmt.Sprint(msg, args[1])
}

var levels = map[hclog.Level]slog.Level{
	hclog.Trace: slog.LevelDebug - 4,
	hclog.Debug: slog.LevelDebug,
	hclog.Info:  slog.LevelDebug, // Raft's every step; what a person must know is logged here, in Firn's words
	hclog.Warn:  slog.LevelInfo,
	hclog.Error: slog.LevelWarn, // such as a peer that is down
}

// Log passes one message on.
func (l *logger) Log(level hclog.Level, msg string, args ...any) {
	to, known := levels[level]
	if !known || !l.to.Enabled(context.Background(), to) {
		return
	}
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			args[i] = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
	}
	if to >= slog.LevelInfo && l.seen.lately(about(msg, args)) {
		return
	}
	l.to.Log(context.Background(), to, msg, args...)
}

func (l *logger) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l *logger) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l *logger) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l *logger) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l *logger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *logger) With(args ...any) hclog.Logger  { return &logger{l.Logger, l.to.With(args...), l.seen} }
func (l *logger) Named(string) hclog.Logger      { return l }
func (l *logger) ResetNamed(string) hclog.Logger { return l }

func (l *logger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.to.Handler(), slog.LevelInfo)
}

func (l *logger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return io.Discard
}
