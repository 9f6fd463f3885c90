package command

import (
	"encoding/binary"
	"math"
)

// AppendAt is an Append whose events have a time of their own, not the leader's.
//
//	time  uvarint, µs since 1970, at least 1
//	then as Append
type AppendAt struct {
	Micros int64
	Append
}

func (*AppendAt) kind() Kind { return KindAppendAt }

func (a *AppendAt) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(a.Micros))
	return a.Append.appendBody(dst)
}

func (a *AppendAt) parseBody(r *reader) {
	micros := r.uvarint()
	if micros == 0 || micros > math.MaxInt64 {
		r.fail("time")
	}
	a.Micros = int64(micros)
	a.Append.parseBody(r)
}
