package peer

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/firndb/firn"
)

// An error as the body of an answer:
//
//	kind u8 | leader u16, bytes | message u16, bytes
//
// leader is the client address to ask instead, as in firn.Error. An error that
// is no *firn.Error travels with its text, as internal, or as unknown where the
// handler ran out of time.
const errorTextMax = 4096

func appendError(b []byte, err error) []byte {
	var known *firn.Error
	switch {
	case errors.As(err, &known):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		known = &firn.Error{Kind: firn.ErrUnknown}
	default:
		known = &firn.Error{Kind: firn.ErrInternal}
	}
	b = append(b, byte(known.Kind))
	for _, text := range [2]string{known.Leader, err.Error()} {
		text = cutText(text, errorTextMax)
		b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
		b = append(b, text...)
	}
	return b
}

func parseError(b []byte) *firn.Error {
	r := reader{b: b}
	e := &firn.Error{Kind: firn.Kind(r.u8())}
	e.Leader = string(r.take(r.u16()))
	e.Message = string(r.take(r.u16()))
	if r.bad || len(r.b) != 0 || e.Kind == 0 {
		return firn.Errorf(firn.ErrInvalid, "the error that answers the call: its lengths do not add up")
	}
	return e
}
