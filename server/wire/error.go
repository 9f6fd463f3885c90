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

func (m *Error) AppendBody(dst []byte) []byte {
	e := m.Err
	dst = appendUint(appendArray(dst, 7), uint64(e.Kind))
	dst = appendString(dst, e.Message)
	dst = appendString(dst, e.Stream)
	if c := e.Conflict; c == nil {
		dst = appendNil(dst)
	} else {
		dst = appendString(appendArray(dst, 4), c.Stream)
		dst = appendExpectation(dst, c.Expected)
		dst = appendExpectation(dst, c.Actual)
		dst = appendBool(dst, c.Deleted)
	}
	dst = appendString(dst, e.Leader)
	dst = appendArray(dst, len(e.Positions))
	for _, p := range e.Positions {
		dst = appendUint(dst, uint64(p))
	}
	dst = appendArray(dst, len(e.IDs))
	for _, id := range e.IDs {
		dst = appendID(dst, id)
	}
	return dst
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
		e.Positions = append(e.Positions, firn.Position(r.uint()))
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
