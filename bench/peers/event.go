package main

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/firndb/firn"
)

// Where a system takes one value of bytes, that is
//
//	id 16 · time i64 · occurred i64 · length of stream u16 · stream · length of type u8 · type · data
//
// with the times in µs since 1970, 0 for none.

var errValue = errors.New("a value that is not an event")

func appendValue(b []byte, e *firn.Event) []byte {
	b = append(b, e.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(micros(e.Time)))
	b = binary.BigEndian.AppendUint64(b, uint64(micros(e.Occurred)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Stream)))
	b = append(b, e.Stream...)
	b = append(b, byte(len(e.Type)))
	b = append(b, e.Type...)
	return append(b, e.Data...)
}

// parseValue returns the event that a value has; its data is a part of the value.
func parseValue(b []byte) (e firn.Event, err error) {
	if len(b) < 34 {
		return e, errValue
	}
	copy(e.ID[:], b)
	e.Time = fromMicros(int64(binary.BigEndian.Uint64(b[16:])))
	e.Occurred = fromMicros(int64(binary.BigEndian.Uint64(b[24:])))
	n := int(binary.BigEndian.Uint16(b[32:]))
	b = b[34:]
	if len(b) < n+1 || len(b) < n+1+int(b[n]) {
		return e, errValue
	}
	e.Stream = string(b[:n])
	b = b[n:]
	e.Type = string(b[1 : 1+int(b[0])])
	e.Data = b[1+int(b[0]):]
	return e, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
