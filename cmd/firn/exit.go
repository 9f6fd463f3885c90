package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

// The exit statuses. Scripts rely on the numbers.
const (
	exitDone        = 0
	exitOther       = 1
	exitUsage       = 2
	exitConflict    = 3
	exitNotFound    = 4
	exitUnavailable = 5
	exitUnknown     = 6
	exitDamaged     = 7
	exitForbidden   = 8
)

var statusOfKind = map[firn.Kind]int{
	firn.ErrInvalid: exitUsage, firn.ErrTooLarge: exitUsage,
	firn.ErrConflict: exitConflict, firn.ErrIDReused: exitConflict, firn.ErrPartialRepeat: exitConflict, firn.ErrAlreadyExists: exitConflict,
	firn.ErrNotFound: exitNotFound, firn.ErrDeleted: exitNotFound, firn.ErrTombstoned: exitNotFound, firn.ErrBeforeStore: exitNotFound,
	firn.ErrUnavailable: exitUnavailable, firn.ErrNotLeader: exitUnavailable, firn.ErrNoSpace: exitUnavailable,
	firn.ErrBusy: exitUnavailable, firn.ErrTimeout: exitUnavailable,
	firn.ErrUnknown:         exitUnknown,
	firn.ErrDamaged:         exitDamaged,
	firn.ErrUnauthenticated: exitForbidden, firn.ErrForbidden: exitForbidden,
}

// failure is an error that knows more than its kind.
type failure struct {
	err    error
	status int    // 0: what the kind says
	repeat string // the command that repeats it safely; "": none
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

var (
	errInterrupted = errors.New("interrupted")
	errDeclined    = errors.New("nothing was done")
)

// usage is an error of the command line itself.
func usage(format string, args ...any) error { return firn.Errorf(firn.ErrInvalid, format, args...) }

// conflicting makes "tombstoned" a conflict: for whoever appends, it is one.
func conflicting(err error) error {
	if errors.Is(err, firn.ErrTombstoned) {
		return &failure{err: err, status: exitConflict}
	}
	return err
}

func statusOf(err error) int {
	var f *failure
	if errors.As(err, &f) && f.status != 0 {
		return f.status
	}
	var e *firn.Error
	if errors.As(err, &e) {
		if status, ok := statusOfKind[e.Kind]; ok {
			return status
		}
	}
	return exitOther
}

// finish reports the error of a command and returns the exit status. A reader
// that went away is no error: it has seen what it wanted.
func (c *console) finish(err error, args []string) int {
	if err == nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return exitDone
	}
	var f *failure
	if errors.Is(err, firn.ErrUnknown) && !errors.As(err, &f) {
		// A change of a stream's life, or of the cluster: made again, it changes
		// nothing more.
		f = &failure{err: err, repeat: commandLine(args)}
		err = f
	}
	if c.output == "json" || wantsJSON(args) {
		fmt.Fprintf(c.err, "%s\n", errorLine(err))
	} else {
		fmt.Fprintf(c.err, "firn: %s\n", err)
		if errors.As(err, &f) && f.repeat != "" {
			fmt.Fprintf(c.err, "This repeats it safely:\n  %s\n", f.repeat)
		}
	}
	return statusOf(err)
}

// wantsJSON looks for -o json where the flags could not be parsed.
func wantsJSON(args []string) bool {
	for i, a := range args {
		if a == "-ojson" || a == "-o=json" || a == "--output=json" || (a == "-o" || a == "--output") && i+1 < len(args) && args[i+1] == "json" {
			return true
		}
	}
	return false
}

// errorLine is the error as -o json prints it.
func errorLine(err error) []byte {
	var f *failure
	if errors.As(err, &f) && f.repeat != "" {
		return eventjson.Error(err, jsonline.Member{Name: "repeat", Value: jsonline.AppendString(nil, f.repeat)})
	}
	return eventjson.Error(err)
}
