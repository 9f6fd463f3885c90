package raftlog

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// An entry of the log, stored under its index:
//
//	version u8 = 1 | type u8 | term u64 | appended i64 | extensions u32 | data u32 |
//	the extensions | the data | crc u32
//
// All numbers are big-endian. The two u32 are lengths. appended is when the
// leader first appended the entry, in nanoseconds since 1970 (UTC); 0: not
// known. The CRC is CRC32C of the key (which holds the index) and everything
// before the CRC.
const (
	entryVersion  = 1
	entryHeader   = 1 + 1 + 8 + 8 + 4 + 4
	entryOverhead = entryHeader + 4
)

func entryBytes(e *raft.Log) int { return entryOverhead + len(e.Extensions) + len(e.Data) }

// putEntry writes an entry into value, which has exactly entryBytes(e) bytes.
func putEntry(key, value []byte, e *raft.Log) {
	value[0] = entryVersion
	value[1] = byte(e.Type)
	binary.BigEndian.PutUint64(value[2:], e.Term)
	var appended int64
	if !e.AppendedAt.IsZero() {
		appended = e.AppendedAt.UnixNano()
	}
	binary.BigEndian.PutUint64(value[10:], uint64(appended))
	binary.BigEndian.PutUint32(value[18:], uint32(len(e.Extensions)))
	binary.BigEndian.PutUint32(value[22:], uint32(len(e.Data)))
	n := entryHeader
	n += copy(value[n:], e.Extensions)
	n += copy(value[n:], e.Data)
	binary.BigEndian.PutUint32(value[n:], checksum(key, value[:n]))
}

// checkEntry says what is wrong with an entry's bytes, if anything is.
func checkEntry(key, value []byte) error {
	if len(value) < entryOverhead {
		return errShort
	}
	n := len(value) - 4
	if checksum(key, value[:n]) != binary.BigEndian.Uint32(value[n:]) {
		return errCRC
	}
	if value[0] != entryVersion {
		return fmt.Errorf("its version is %d, known is %d", value[0], entryVersion)
	}
	extensions, data := binary.BigEndian.Uint32(value[18:]), binary.BigEndian.Uint32(value[22:])
	if uint64(entryOverhead)+uint64(extensions)+uint64(data) != uint64(len(value)) {
		return errLengths
	}
	return nil
}

// getEntry reads an entry. What it returns does not alias value.
func getEntry(key, value []byte, e *raft.Log) error {
	if err := checkEntry(key, value); err != nil {
		return err
	}
	*e = raft.Log{
		Index: binary.BigEndian.Uint64(key[1:]),
		Type:  raft.LogType(value[1]),
		Term:  binary.BigEndian.Uint64(value[2:]),
	}
	if appended := int64(binary.BigEndian.Uint64(value[10:])); appended != 0 {
		e.AppendedAt = time.Unix(0, appended).UTC()
	}
	payload := append([]byte(nil), value[entryHeader:len(value)-4]...)
	extensions := binary.BigEndian.Uint32(value[18:])
	if extensions > 0 {
		e.Extensions = payload[:extensions:extensions]
	}
	if rest := payload[extensions:]; len(rest) > 0 {
		e.Data = rest
	}
	return nil
}
