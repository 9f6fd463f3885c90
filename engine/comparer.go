package engine

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// comparer orders keys as bytes. It has a name and a Split of its own, which
// are fixed from the first store on: Pebble's bloom filters are made over what
// Split returns, so that one look at a filter tells that a stream was never
// written, is not in a layer, or has had no change of life.
var comparer = func() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "firn.v1"
	c.Split = split
	c.ImmediateSuccessor = immediateSuccessor
	return &c
}()

// split returns the length of a key's prefix: up to and including the 0x00
// that ends the stream's name in e, i, s and v keys, the whole key otherwise.
func split(key []byte) int {
	if len(key) == 0 {
		return 0
	}
	name := 0
	switch key[0] {
	case prefixEvent:
		name = 1 + 4
	case prefixIndex, prefixLife, prefixSnapshot:
		name = 1
	default:
		return len(key)
	}
	if name < len(key) {
		if end := bytes.IndexByte(key[name:], nameEnd); end >= 0 {
			return name + end + 1
		}
	}
	return len(key)
}

// immediateSuccessor returns the smallest prefix behind the prefix a. Behind a
// name that has ended comes 0x01 in the place of its 0x00: with a second 0x00
// it would be the same prefix again.
func immediateSuccessor(dst, a []byte) []byte {
	dst = append(dst, a...)
	if n := len(dst); n > 0 && dst[n-1] == nameEnd && split(append(a[:len(a):len(a)], nameEnd)) == len(a) {
		dst[n-1]++
		return dst
	}
	return append(dst, nameEnd)
}
