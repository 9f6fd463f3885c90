package engine

import (
	"bytes"
	"encoding/binary"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// The key space. Numbers are big endian, so that keys sort as they count; a
// stream's name ends with 0x00, which no name holds, so that names sort as
// bytes and no name's keys lie among those of a longer one.
//
//	e | layer u32 | stream | 0x00 | revision u64     an event's record
//	i | stream | 0x00 | first revision u64           the layer that holds the stream from this revision on
//	l | layer u32                                    a sealed layer's bounds, digest and summary
//	s | stream | 0x00 | position u64                 the stream's life as of this position
//	o | layer u32 | first position u64               which events stand at the next positions of the layer
//	c | layer u32 | part u16                         hashes of ids → places in the layer
//	r | layer u32 | stream | 0x00                    what is left of the stream's events that were removed from the layer
//	d | class u8 | name | 0x00 | position u64        a version of a definition
//	g | name | 0x00 | what | …                       a consumer group; see groupkeys.go
//	n | stream | 0x00                                which snapshots of the stream are kept
//	v | stream | 0x00 | fold version 16 B | revision u64   a snapshot: a fold's state
//	m | name                                         what the store knows of itself
//
// Only m|applied, n, what is under g and, after damage, v are ever written twice;
// and of a layer from which events are removed e, r and c.
// The prefixes are spoken for: the list only grows, a byte is never used again.
// docs/formats/keys.md has the values.
const (
	prefixEvent     = 'e'
	prefixIndex     = 'i'
	prefixLayer     = 'l'
	prefixLife      = 's'
	prefixChunk     = 'o'
	prefixIDs       = 'c'
	prefixRemoved   = 'r'
	prefixMeta      = 'm'
	prefixDefined   = 'd'
	prefixGroup     = 'g'
	prefixSnapshots = 'n'
	prefixSnapshot  = 'v'
	nameEnd         = 0x00
	categoryLimit   = firn.CategoriesStream + "-" // + category: where s keeps the limits of a category
)

// The names under m.
const (
	metaApplied   = "applied"  // progress: rewritten by every batch
	metaFormat    = "format"   // the version of the key space
	metaIdentity  = "identity" // cluster and history
	metaSettings  = "settings"
	metaVersion   = "version"   // the cluster version
	metaScavenged = "scavenged" // up to where, and when, what is hidden was said to be gone
	metaSwept     = "swept"     // how far this node has removed it
	metaChain     = "chain"     // + 0x00 + index u64: the hash chain after the last entry at or below the index
)

// formatVersion is the version of the key space. A store of another one is
// refused at Open.
const formatVersion = 1

// valueVersion is the first byte of every value but the records, which have
// their own.
const valueVersion = 1

type text interface{ string | []byte }

func appendEventPrefix[T text](dst []byte, layer uint32, stream T) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, prefixEvent), layer)
	return append(append(dst, stream...), nameEnd)
}

func appendEventKey[T text](dst []byte, layer uint32, stream T, revision uint64) []byte {
	return binary.BigEndian.AppendUint64(appendEventPrefix(dst, layer, stream), revision)
}

func appendIndexPrefix[T text](dst []byte, stream T) []byte {
	return append(append(append(dst, prefixIndex), stream...), nameEnd)
}

func appendIndexKey[T text](dst []byte, stream T, first uint64) []byte {
	return binary.BigEndian.AppendUint64(appendIndexPrefix(dst, stream), first)
}

func appendLifePrefix[T text](dst []byte, stream T) []byte {
	return append(append(append(dst, prefixLife), stream...), nameEnd)
}

func appendLifeKey[T text](dst []byte, stream T, position firn.Position) []byte {
	return binary.BigEndian.AppendUint64(appendLifePrefix(dst, stream), uint64(position))
}

func appendLayerKey(dst []byte, prefix byte, layer uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, prefix), layer)
}

func appendChunkKey(dst []byte, layer uint32, first firn.Position) []byte {
	return binary.BigEndian.AppendUint64(appendLayerKey(dst, prefixChunk, layer), uint64(first))
}

func appendIDsKey(dst []byte, layer uint32, part uint16) []byte {
	return binary.BigEndian.AppendUint16(appendLayerKey(dst, prefixIDs, layer), part)
}

func appendRemovedKey[T text](dst []byte, layer uint32, stream T) []byte {
	return append(append(appendLayerKey(dst, prefixRemoved, layer), stream...), nameEnd)
}

func appendDefinedPrefix[T text](dst []byte, class command.Class, name T) []byte {
	return append(append(append(dst, prefixDefined, byte(class)), name...), nameEnd)
}

func appendDefinedKey[T text](dst []byte, class command.Class, name T, position firn.Position) []byte {
	return binary.BigEndian.AppendUint64(appendDefinedPrefix(dst, class, name), uint64(position))
}

func appendSnapshotsKey[T text](dst []byte, stream T) []byte {
	return append(append(append(dst, prefixSnapshots), stream...), nameEnd)
}

func appendSnapshotPrefix[T text](dst []byte, stream T) []byte {
	return append(append(append(dst, prefixSnapshot), stream...), nameEnd)
}

func appendSnapshotKey[T text](dst []byte, stream T, version firn.FoldVersion, revision uint64) []byte {
	return binary.BigEndian.AppendUint64(append(appendSnapshotPrefix(dst, stream), version[:]...), revision)
}

func metaKey(name string) []byte { return append([]byte{prefixMeta}, name...) }

func chainKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64(append(metaKey(metaChain), nameEnd), index)
}

// parseEventKey takes an e key apart. The stream points into the key.
func parseEventKey(key []byte) (layer uint32, stream []byte, revision uint64, ok bool) {
	if len(key) < 1+4+1+1+8 || key[0] != prefixEvent {
		return 0, nil, 0, false
	}
	stream, revision, ok = parseNamed(key[5:])
	return binary.BigEndian.Uint32(key[1:]), stream, revision, ok
}

// parseRemovedKey takes an r key apart. The stream points into the key.
func parseRemovedKey(key []byte) (layer uint32, stream []byte, ok bool) {
	if len(key) < 1+4+1+1 || key[0] != prefixRemoved || bytes.IndexByte(key[5:], nameEnd) != len(key)-6 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(key[1:]), key[5 : len(key)-1], true
}

// parseDefinedKey takes a d key apart.
func parseDefinedKey(key []byte) (class command.Class, name string, position firn.Position, ok bool) {
	if len(key) < 1+1+1+1+8 || key[0] != prefixDefined {
		return 0, "", 0, false
	}
	raw, number, ok := parseNamed(key[2:])
	return command.Class(key[1]), string(raw), firn.Position(number), ok
}

// parseNamed takes apart what follows the prefix of i and s keys, the layer of
// e keys and the class of d keys: name, 0x00, number.
func parseNamed(rest []byte) (stream []byte, number uint64, ok bool) {
	end := len(rest) - 9
	if end < 1 || bytes.IndexByte(rest, nameEnd) != end {
		return nil, 0, false
	}
	return rest[:end], binary.BigEndian.Uint64(rest[end+1:]), true
}
