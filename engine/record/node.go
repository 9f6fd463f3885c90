package record

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/firndb/firn"
)

// The node part of a record:
//
//	version · flags   1 byte: version 1 in the high half, flags in the low
//	position          uvarint
//	revision          uvarint
//	time              uvarint, µs since 1970
//	index, count      uvarint each            flag 0x1; without it 0 of 1
//	actor             uvarint length, bytes   flag 0x2
//	digest            16 bytes: the first half of SHA-256 of the client part
//	checksum          4 bytes, little endian, CRC32C of the stream's name and
//	                  all of the above
//
// The checksum covers the stream's name, which stands only in the key, so a
// record that got under another stream's key is found out. The digest stays
// behind when an event is removed, so that the past can still be proven.
const (
	nodeVersion = 1 << 4

	flagPlaced = 0x1 // index and count are given
	flagActor  = 0x2

	nodeFlagsKnown = 0x3
)

// Digest is the first half of the SHA-256 of a record's client part.
type Digest [16]byte

// DigestOf returns the digest of a client part.
func DigestOf(draft []byte) Digest {
	sum := sha256.Sum256(draft)
	return Digest(sum[:16])
}

// Node is the node part, parsed.
type Node struct {
	Position firn.Position
	Revision firn.Revision
	Time     int64  // µs since 1970
	Index    uint32 // place within its append, from 0
	Count    uint32 // events of its append, at least 1
	Actor    []byte
	Digest   Digest
}

// AppendNode appends the node part of a record of the stream.
func AppendNode(dst []byte, stream string, n *Node) []byte {
	start := len(dst)
	head := byte(nodeVersion)
	if n.Count > 1 {
		head |= flagPlaced
	}
	if len(n.Actor) > 0 {
		head |= flagActor
	}
	dst = append(dst, head)
	dst = binary.AppendUvarint(dst, uint64(n.Position))
	dst = binary.AppendUvarint(dst, uint64(n.Revision))
	dst = binary.AppendUvarint(dst, uint64(n.Time))
	if n.Count > 1 {
		dst = binary.AppendUvarint(dst, uint64(n.Index))
		dst = binary.AppendUvarint(dst, uint64(n.Count))
	}
	if len(n.Actor) > 0 {
		dst = appendString(dst, n.Actor)
	}
	dst = append(dst, n.Digest[:]...)
	return binary.LittleEndian.AppendUint32(dst, nodeChecksum(stream, dst[start:]))
}

func nodeChecksum[T string | []byte](stream T, node []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(stream), castagnoli), castagnoli, node)
}

// ParseNode parses the node part at the start of a record of the stream and
// returns it with the client part behind it, unparsed. The checksum of the
// node part is verified, that of the client part is not. The error is
// ErrDamaged, or ErrUnsupported for a version or flag of a later release.
func ParseNode[T string | []byte](stream T, b []byte) (n Node, draft []byte, err error) {
	if len(b) == 0 || b[0]&0xf0 != nodeVersion || b[0]&0x0f&^nodeFlagsKnown != 0 {
		if len(b) == 0 {
			return n, nil, firn.Errorf(firn.ErrDamaged, "an empty record in stream %.64q", string(stream))
		}
		return n, nil, firn.Errorf(firn.ErrUnsupported, "a record in stream %.64q begins with 0x%02x, which this release does not know", string(stream), b[0])
	}
	r := reader{rest: b[1:]}
	n.Position = firn.Position(r.uvarint())
	n.Revision = firn.Revision(r.uvarint())
	n.Time = int64(r.uvarint())
	n.Count = 1
	if b[0]&flagPlaced != 0 {
		index, count := r.uvarint(), r.uvarint()
		if count < 2 || index >= count || count > math.MaxUint32 {
			r.fail("place")
		}
		n.Index, n.Count = uint32(index), uint32(count)
	}
	if b[0]&flagActor != 0 {
		n.Actor = r.present("actor")
	}
	if len(r.rest) < len(n.Digest)+checksumBytes {
		r.fail("digest")
	}
	if r.failed != "" {
		return Node{}, nil, firn.Errorf(firn.ErrDamaged, "a record of %d bytes in stream %.64q is malformed at its %s", len(b), string(stream), r.failed)
	}
	copy(n.Digest[:], r.rest)
	covered := len(b) - len(r.rest) + len(n.Digest)
	sum := binary.LittleEndian.Uint32(b[covered:])
	if actual := nodeChecksum(stream, b[:covered]); actual != sum {
		return Node{}, nil, firn.Errorf(firn.ErrDamaged, "a record in stream %.64q (position %d by its own word) has checksum %08x, its bytes give %08x",
			string(stream), n.Position, sum, actual)
	}
	return n, b[covered+checksumBytes:], nil
}
