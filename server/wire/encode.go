package wire

import (
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// writer writes a body through the MessagePack library, value by value: no
// reflection, no tags. It is what the library's encoder writes to, which is
// memory and cannot fail, so the errors of the encoder are passed over.
//
// Two of its habits are met here: EncodeBytes writes nil for a nil slice, where
// empty bytes belong, and only EncodeUint and EncodeInt, of all the methods for
// numbers, take the shortest form.
type writer struct {
	body []byte
	enc  *msgpack.Encoder // writes to this writer
}

var writers = sync.Pool{New: func() any {
	w := new(writer)
	w.enc = msgpack.NewEncoder(w)
	return w
}}

// appendFields appends the body of a message.
func appendFields(dst []byte, m interface{ write(*writer) }) []byte {
	w := writers.Get().(*writer)
	w.body = dst
	m.write(w)
	dst, w.body = w.body, nil
	writers.Put(w)
	return dst
}

// Write is the library's way to the body.
func (w *writer) Write(b []byte) (int, error) {
	w.body = append(w.body, b...)
	return len(b), nil
}

// WriteByte is Write for one byte.
func (w *writer) WriteByte(b byte) error {
	w.body = append(w.body, b)
	return nil
}

func (w *writer) nil()            { w.enc.EncodeNil() }
func (w *writer) bool(v bool)     { w.enc.EncodeBool(v) }
func (w *writer) uint(v uint64)   { w.enc.EncodeUint(v) }
func (w *writer) int(v int64)     { w.enc.EncodeInt(v) }
func (w *writer) array(n int)     { w.enc.EncodeArrayLen(n) }
func (w *writer) string(s string) { w.enc.EncodeString(s) }

func (w *writer) bin(b []byte) {
	w.enc.EncodeBytesLen(len(b))
	w.Write(b)
}

func (w *writer) strings(list []string) {
	w.array(len(list))
	for _, s := range list {
		w.string(s)
	}
}
