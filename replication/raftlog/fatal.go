package raftlog

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
	"github.com/firndb/firn/internal/plainlog"
)

// fail makes err the last thing that the log does, and returns what every
// method returns from now on: the first error that was given to fail.
func (l *Log) fail(err error) error {
	l.failOnce.Do(func() {
		l.failure = l.word(err)
		close(l.dead)
		if l.opened.Load() {
			go l.opts.OnFatal(l.failure)
		}
	})
	return l.failure
}

// word says in Firn's words what a failure of the store means.
func (l *Log) word(err error) *firn.Error {
	var known *firn.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, syscall.ENOSPC):
		return firn.Errorf(firn.ErrNoSpace, "the disk with the Raft log in %s is full: %v; make room and start the node again", l.dir, err)
	case pebble.IsCorruptionError(err), !l.opened.Load() && !diskfs.Refused(err):
		return firn.Errorf(firn.ErrDamaged, "the Raft log in %s is damaged: %v; remove this node from the cluster and add it anew with an empty directory", l.dir, err)
	}
	return firn.Errorf(firn.ErrUnavailable, "the Raft log in %s cannot go on: %v", l.dir, err)
}

// alive returns the failure, if there was one.
func (l *Log) alive() error {
	select {
	case <-l.dead:
		return l.failure
	default:
		return nil
	}
}

// endCaller ends the goroutine of a caller that would answer an error with a
// panic, which would end the process. See the package comment.
func (l *Log) endCaller() {
	if l.running.Load() {
		runtime.Goexit()
	}
}

var errGoroutineEnded = errors.New("it gave up")

// guard runs f on a goroutine of its own and returns what f returns, or the
// log's failure.
//
// When a synced write fails, Pebble calls its logger's Fatalf and, if that
// returns, answers the write with nil. So Fatalf must not return; and where it
// ends the goroutine, blocks it for ever, or leaves another one stalled that
// will never be woken, it must not be a goroutine of Raft's. Pebble also panics
// where it cannot hand an error on; that ends here too.
func (l *Log) guard(f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errGoroutineEnded
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v", p)
			}
			done <- err
		}()
		err = f()
	}()
	select {
	case err := <-done:
		if failure := l.alive(); failure != nil {
			return failure
		}
		return err
	case <-l.dead:
		if !l.opened.Load() {
			// Open's caller may try again at once: let go of the directory first.
			select {
			case <-done:
			case <-time.After(l.opts.closeMax):
			}
		}
		return l.failure
	}
}

// pebbleLogger takes Pebble's messages.
type pebbleLogger struct {
	log *Log
	to  *slog.Logger
}

func (p pebbleLogger) Infof(format string, args ...any)  { p.to.Debug(plainlog.Text(format, args...)) }
func (p pebbleLogger) Errorf(format string, args ...any) { p.to.Error(plainlog.Text(format, args...)) }

// Fatalf never returns: it ends the goroutine that calls it. Ending it (and not
// blocking it) releases the locks that the goroutine holds with defer, so that
// the store can usually still be closed.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	said := reported{text: plainlog.Text(format, args...)}
	for _, arg := range args {
		if cause, ok := arg.(error); ok {
			said.cause = cause
		}
	}
	p.log.fail(said)
	runtime.Goexit()
}

// reported is what Pebble said, and the error that it said it about.
type reported struct {
	text  string
	cause error
}

func (r reported) Error() string { return r.text }
func (r reported) Unwrap() error { return r.cause }
