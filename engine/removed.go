package engine

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// removed is what is left of the events of one stream that were removed from a
// layer: always its oldest ones there, one behind the other. It says where they
// stood and when, so that positions, revisions and moments still resolve, keeps
// their digests, so that what they were can be proven by who still has them, and,
// of a layer that the window reached then, the hashes of their ids, so that a
// repetition is judged as if they were there.
//
// The value of r:
//
//	version  1
//	flags    1 byte: 1 hashes are kept
//	first    uvarint, the first one's revision
//	bytes    uvarint, of their records
//	events   uvarint count, then each: uvarint position less the one before, uvarint
//	         time less the one before (of the first: less 0)
//	digests  16 bytes each
//	hashes   8 bytes each, of stream and id, if flagged
//	crc      4 bytes, CRC32C of the key and all of the above
type removed struct {
	first  uint64
	bytes  uint64
	events []removedEvent
	hashes []uint64 // of stream and id; as many as events, or nil
}

type removedEvent struct {
	position firn.Position
	time     int64
	digest   record.Digest
}

const removedHashes = 1

// end is the revision behind the last one removed.
func (r *removed) end() uint64 { return r.first + uint64(len(r.events)) }

// has reports whether the event of a revision is among them.
func (r *removed) has(revision uint64) bool {
	return r != nil && revision >= r.first && revision < r.end()
}

// node returns what is known of the event of a revision.
func (r *removed) node(revision uint64) record.Node {
	e := &r.events[revision-r.first]
	return record.Node{Position: e.position, Revision: firn.Revision(revision), Time: e.time, Digest: e.digest, Count: 1}
}

func (r *removed) append(dst, key []byte) []byte {
	start, flags := len(dst), byte(0)
	if r.hashes != nil {
		flags = removedHashes
	}
	dst = binary.AppendUvarint(append(dst, valueVersion, flags), r.first)
	dst = binary.AppendUvarint(dst, r.bytes)
	dst = binary.AppendUvarint(dst, uint64(len(r.events)))
	var before removedEvent
	for _, e := range r.events {
		dst = binary.AppendUvarint(dst, uint64(e.position-before.position))
		dst = binary.AppendUvarint(dst, uint64(e.time-before.time))
		before = e
	}
	for i := range r.events {
		dst = append(dst, r.events[i].digest[:]...)
	}
	for _, hash := range r.hashes {
		dst = binary.BigEndian.AppendUint64(dst, hash)
	}
	return binary.BigEndian.AppendUint32(dst, removedSum(key, dst[start:]))
}

func removedSum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

func parseRemoved(key, value []byte) (*removed, error) {
	body := len(value) - 4
	if body < 2 || removedSum(key, value[:body]) != binary.BigEndian.Uint32(value[body:]) {
		return nil, damagedValue(key, value)
	}
	r := readValue(value[:body])
	flags := r.take(1)
	g := &removed{first: r.uvarint(), bytes: r.uvarint()}
	g.events = make([]removedEvent, r.count())
	var e removedEvent
	for i := range g.events {
		step := firn.Position(r.uvarint())
		if step == 0 || e.position+step < step {
			r.fail()
		}
		e.position, e.time = e.position+step, e.time+int64(r.uvarint())
		g.events[i] = e
	}
	for i := range g.events {
		copy(g.events[i].digest[:], r.take(len(record.Digest{})))
	}
	if len(flags) == 1 && flags[0] == removedHashes {
		g.hashes = make([]uint64, len(g.events))
		for i := range g.hashes {
			g.hashes[i] = r.fixed64()
		}
	} else if len(flags) != 1 || flags[0] != 0 {
		r.fail()
	}
	if !r.done() || len(g.events) == 0 {
		return nil, damagedValue(key, value)
	}
	return g, nil
}

// removedFrom returns what is left of a stream's events that were removed from
// a layer, nil where none were.
func removedFrom(db pebble.Reader, layer uint32, stream string) (*removed, error) {
	key := appendRemovedKey(nil, layer, stream)
	value, err := get(db, key)
	if err != nil || value == nil {
		return nil, err
	}
	return parseRemoved(key, value)
}

// eachRemoved visits what is left of all events that were removed from a layer.
func eachRemoved(db pebble.Reader, layer uint32, visit func(stream string, r *removed) error) error {
	it, err := layerKeys(db, prefixRemoved, layer)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		_, stream, ok := parseRemovedKey(it.Key())
		if !ok {
			return damagedKey(it.Key())
		}
		r, err := parseRemoved(it.Key(), value)
		if err == nil {
			err = visit(string(stream), r)
		}
		if err != nil {
			return err
		}
	}
	return it.Error()
}

// nodeOf returns the node part of the event of a stream and revision in a layer
// that holds it, or what is left of it.
func (l *lookup) nodeOf(layer uint32, stream string, revision uint64) (n record.Node, err error) {
	l.buf = appendEventKey(l.buf[:0], layer, stream, revision)
	stored, err := get(l.db, l.buf)
	if err != nil {
		return n, err
	}
	if stored != nil {
		n, _, err = record.ParseNode(stream, stored)
		return n, err
	}
	r, err := removedFrom(l.db, layer, stream)
	if err == nil && !r.has(revision) {
		err = missing(stream, revision, "its layer %d does not hold it", layer)
	}
	if err != nil {
		return n, err
	}
	return r.node(revision), nil
}
