package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
)

// answer is the answer to one request, and remembers how it began.
type answer struct {
	http.ResponseWriter
	start  time.Time
	began  time.Time // zero: nothing was written yet
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.began.IsZero() && status >= http.StatusOK {
		a.began, a.status = time.Now(), status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.began.IsZero() {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// patient lets the answer be written until a time from now.
func (a *answer) patient(d time.Duration) {
	http.NewResponseController(a).SetWriteDeadline(time.Now().Add(d)) // fails only where there is no connection
}

// arrived ends the time in which the request had to arrive. net/http listens on
// for the client to go away, and would take the end of that time for it.
func (a *answer) arrived() {
	http.NewResponseController(a).SetReadDeadline(time.Time{}) // likewise
}

// uncached says that the next answer may be another one.
func (a *answer) uncached() { a.Header().Set("Cache-Control", "no-store") }

// statusOf is the HTTP status of each kind of error. 503 and 507 mean that
// nothing was done, 504 that it may have been done.
var statusOf = map[firn.Kind]int{
	firn.ErrInternal:        http.StatusInternalServerError,
	firn.ErrInvalid:         http.StatusBadRequest,
	firn.ErrTooLarge:        http.StatusRequestEntityTooLarge,
	firn.ErrConflict:        http.StatusConflict,
	firn.ErrTombstoned:      http.StatusGone,
	firn.ErrIDReused:        http.StatusConflict,
	firn.ErrPartialRepeat:   http.StatusConflict,
	firn.ErrNotFound:        http.StatusNotFound,
	firn.ErrDeleted:         http.StatusNotFound,
	firn.ErrUnavailable:     http.StatusServiceUnavailable,
	firn.ErrNotLeader:       http.StatusServiceUnavailable, // 307 where the leader's HTTP address is known
	firn.ErrNoSpace:         http.StatusInsufficientStorage,
	firn.ErrUnknown:         http.StatusGatewayTimeout,
	firn.ErrDamaged:         http.StatusInternalServerError,
	firn.ErrUnauthenticated: http.StatusUnauthorized,
	firn.ErrForbidden:       http.StatusForbidden,
	firn.ErrOtherHistory:    http.StatusConflict,
	firn.ErrUnsupported:     http.StatusNotImplemented,
	firn.ErrBusy:            http.StatusServiceUnavailable,
	firn.ErrBeforeStore:     http.StatusNotFound,
	firn.ErrAlreadyExists:   http.StatusConflict,
	firn.ErrTimeout:         http.StatusServiceUnavailable,
	firn.ErrStale:           http.StatusConflict,
	firn.ErrProgram:         http.StatusUnprocessableEntity,
}

// refusal is an error whose status says more than its kind.
type refusal struct {
	err    *firn.Error
	status int
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refused(status int, kind firn.Kind, format string, args ...any) error {
	return &refusal{firn.Errorf(kind, format, args...), status}
}

// fail answers with an error, as firn -o json prints it. Nothing may have been
// written before.
func (a *answer) fail(err error) {
	var e *firn.Error
	status := http.StatusInternalServerError
	if errors.As(err, &e) {
		status = statusOf[e.Kind]
	}
	var r *refusal
	if errors.As(err, &r) {
		status = r.status
	}
	h := a.Header()
	if e != nil && e.Retry() == firn.RetrySafe && status != http.StatusTemporaryRedirect {
		h.Set("Retry-After", "1")
	}
	if status == http.StatusRequestEntityTooLarge {
		h.Set("Connection", "close") // else net/http would read on before it answers
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	h.Del("ETag")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	a.uncached()
	a.WriteHeader(status)
	a.Write(append(eventjson.Error(err), '\n'))
}
