package web

import (
	"net/http"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

const (
	linesBytes = 32 << 10 // are gathered before they are written
	linesKept  = 1 << 20  // of a buffer that has grown for a large event
)

// lines writes events. Nothing of the answer has left before the first buffer
// is full, so most errors still have a status of their own.
type lines struct {
	a     *answer
	form  form
	stall time.Duration
	head  bool // only headers are asked for

	buf   []byte
	count int
}

func (l *lines) event(e *firn.Event) error {
	if l.head {
		return nil
	}
	switch {
	case l.form == array && l.count == 0:
		l.buf = append(l.buf, '[')
	case l.form == array:
		l.buf = append(l.buf, ',', '\n')
	}
	var o jsonline.Object
	eventjson.Event(&o, e)
	l.buf = append(l.buf, o.Bytes()...)
	if l.form == ndjson {
		l.buf = append(l.buf, '\n')
	}
	l.count++
	if len(l.buf) < linesBytes {
		return nil
	}
	return l.flush()
}

// flush writes what was gathered. A client that takes nothing of it for a while
// is cut off.
func (l *lines) flush() error {
	if l.a.began.IsZero() {
		l.a.Header().Set("Content-Type", forms[l.form])
		l.a.Header().Set("X-Content-Type-Options", "nosniff")
		l.a.WriteHeader(http.StatusOK)
	}
	l.a.patient(l.stall)
	_, err := l.a.Write(l.buf)
	if l.buf = l.buf[:0]; cap(l.buf) > linesKept {
		l.buf = nil
	}
	return err
}

// end writes the rest.
func (l *lines) end() error {
	switch {
	case l.head || l.form == ndjson:
	case l.count == 0:
		l.buf = append(l.buf, "[]\n"...)
	default:
		l.buf = append(l.buf, "]\n"...)
	}
	return l.flush()
}

// broken ends the answer with an error: with its status where nothing has left
// yet, else as the last line, and with a connection that is cut off, so that
// nobody takes the answer for a whole one.
func (l *lines) broken(err error) error {
	if l.a.began.IsZero() {
		return err
	}
	if l.form == ndjson {
		l.buf = append(append(l.buf, eventjson.Error(err)...), '\n')
	}
	if l.flush() == nil {
		http.NewResponseController(l.a).Flush()
	}
	panic(http.ErrAbortHandler)
}
