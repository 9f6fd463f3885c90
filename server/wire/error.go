package wire

import (
	"context"
	"errors"
	"math"

	"github.com/firndb/firn"
)

// Error ends a call, or on call 0 the connection. All of an *firn.Error
// travels, so that it is the same value on the other side.
//
//	[kind uint, message str, stream str, conflict or nil, leader str,
//	 positions: array of uint, ids: array of id]
//
//	conflict = [stream str, expected expectation, actual expectation, deleted bool]
type Error struct{ Err *firn.Error }

func (*Error) Kind() Kind { return KindError }

func (m *Error) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Error) write(w *writer) {
	e := m.Err
	w.array(7)
	w.uint(uint64(e.Kind))
	w.string(e.Message)
	w.string(e.Stream)
	if c := e.Conflict; c == nil {
		w.nil()
	} else {
		w.array(4)
		w.string(c.Stream)
		w.expectation(c.Expected)
		w.expectation(c.Actual)
		w.bool(c.Deleted)
	}
	w.string(e.Leader)
	w.array(len(e.Positions))
	for _, p := range e.Positions {
		w.position(p)
	}
	w.array(len(e.IDs))
	for _, id := range e.IDs {
		w.id(id)
	}
}

func (m *Error) parse(r *reader) {
	later := r.begin(7)
	kind := r.uint()
	if kind == 0 || kind > math.MaxUint8 {
		r.fail("error's kind")
	}
	e := &firn.Error{Kind: firn.Kind(kind), Message: r.string(), Stream: r.string()}
	if !r.isNil() {
		later := r.begin(4)
		e.Conflict = &firn.ConflictError{Stream: r.string(), Expected: r.expectation(), Actual: r.expectation(), Deleted: r.bool()}
		r.end(later)
	}
	e.Leader = r.string()
	for range r.list(writesMax) {
		e.Positions = append(e.Positions, r.position())
	}
	for range r.list(writesMax) {
		e.IDs = append(e.IDs, r.id())
	}
	r.end(later)
	m.Err = e
}

// ErrorOf returns err as it travels: an *firn.Error as it is, whatever wraps
// it; a context's error as otherwise, which the caller picks by whether
// something may have been done; anything else as ErrInternal.
func ErrorOf(err error, otherwise firn.Kind) *Error {
	var e *firn.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e = firn.Errorf(otherwise, "the node stopped working on the call: %v", err)
	default:
		e = firn.Errorf(firn.ErrInternal, "%v", err)
	}
	return &Error{Err: e}
}

func malformed(k Kind, where string) error {
	return firn.Errorf(firn.ErrInvalid, "the body of a %v frame is malformed at its %s", k, where)
}
