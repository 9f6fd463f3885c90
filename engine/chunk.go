package engine

import (
	"encoding/binary"

	"github.com/firndb/firn"
)

// chunkEvents is how many positions one o value covers; the last of a layer
// covers what is left.
const chunkEvents = 1024

// The value of o says which events stand at consecutive positions, so that a
// short read finds them without decoding the layer:
//
//	version  1
//	names    uvarint count, then each: uvarint length, bytes; in the order in which they come
//	events   uvarint count, then each: uvarint place in names, uvarint revision
type chunk struct {
	first  firn.Position
	names  []string
	events []chunkEvent
}

type chunkEvent struct {
	name     uint32 // place in names
	revision uint64
}

// appendChunk encodes the places from up to to of a layer that is in memory.
func appendChunk(dst []byte, v *view, from, to int) []byte {
	dst = append(dst, valueVersion)
	local := make(map[uint32]uint32, 64)
	var order []uint32
	for i := from; i < to; i++ {
		s := v.recs[i].stream
		if _, ok := local[s]; !ok {
			local[s] = uint32(len(order))
			order = append(order, s)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(order)))
	for _, s := range order {
		dst = appendBytes(dst, v.streams[s])
	}
	dst = binary.AppendUvarint(dst, uint64(to-from))
	for i := from; i < to; i++ {
		dst = binary.AppendUvarint(dst, uint64(local[v.recs[i].stream]))
		dst = binary.AppendUvarint(dst, v.recs[i].revision)
	}
	return dst
}

func parseChunk(key, value []byte) (*chunk, error) {
	r := readValue(value)
	c := &chunk{names: make([]string, r.count())}
	for i := range c.names {
		c.names[i] = string(r.bytes())
	}
	c.events = make([]chunkEvent, r.count())
	for i := range c.events {
		c.events[i] = chunkEvent{name: r.uint32(), revision: r.uvarint()}
		if int(c.events[i].name) >= len(c.names) {
			r.fail()
		}
	}
	if len(key) != 1+4+8 || !r.done() || len(c.events) == 0 || len(c.events) > chunkEvents {
		return nil, damagedValue(key, value)
	}
	c.first = firn.Position(binary.BigEndian.Uint64(key[5:]))
	return c, nil
}

// chunkStart returns the first position of the chunk that covers p, in a layer
// that begins at first.
func chunkStart(first, p firn.Position) firn.Position {
	return p - (p-first)%chunkEvents
}
