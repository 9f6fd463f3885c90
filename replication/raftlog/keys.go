package raftlog

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// The key space. A key's first byte says what it holds; all numbers are
// big-endian, so that keys sort as their numbers do.
//
//	e | index u64      one entry of the log (entry.go)
//	f                  format of the store: one sealed byte
//	m | name           a record: "snapshot", "received" (record.go)
//	s | name           a value of Raft's stable store, sealed
//	w                  number of the last batch, sealed (tail.go)
//
// A sealed value (seal.go), like an entry, ends in a CRC that covers its key.
//
// The entries come first. Nearly every table that is flushed also holds one of
// the small keys; were they before the entries, its keys would span all older
// entries, and every compaction would write the whole log anew.
const (
	prefixEntry  = 'e'
	prefixFormat = 'f'
	prefixRecord = 'm'
	prefixStable = 's'
	prefixCount  = 'w'
)

// formatVersion is the version of all of the above.
const formatVersion = 1

// pebbleFormat is pinned, so that a new version of the library does not change
// what lies on disk unasked. It is v2.1.7's newest. It must be at least
// FormatWALSyncChunks: below it, one flipped bit in the middle of the
// write-ahead log reads as its end, and acknowledged entries behind it are lost
// without a word.
const pebbleFormat = pebble.FormatValueSeparation

var (
	keyCount    = []byte{prefixCount}
	keyFormat   = []byte{prefixFormat}
	keySnapshot = []byte("msnapshot")
	keyReceived = []byte("mreceived")
)

const entryKeyBytes = 9

func putEntryKey(key []byte, index uint64) {
	key[0] = prefixEntry
	binary.BigEndian.PutUint64(key[1:entryKeyBytes], index)
}

func entryKey(index uint64) []byte {
	key := make([]byte, entryKeyBytes)
	putEntryKey(key, index)
	return key
}

// entriesEnd is the first key behind all entries.
var entriesEnd = []byte{prefixEntry + 1}

func stableKey(name []byte) []byte {
	return append([]byte{prefixStable}, name...)
}
