package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A sealed value:
//
//	version u8 = 1 | payload | crc u32
//
// The CRC is CRC32C of the key and of everything before the CRC, so that a
// value read under another key than it was written under is noticed too.
const (
	sealVersion  = 1
	sealOverhead = 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC of a key and the bytes stored under it.
func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

var (
	errShort   = errors.New("too short")
	errCRC     = errors.New("its checksum does not fit its bytes")
	errLengths = errors.New("its lengths do not add up")
)

func seal(key, payload []byte) []byte {
	value := make([]byte, 0, len(payload)+sealOverhead)
	value = append(value, sealVersion)
	value = append(value, payload...)
	return binary.BigEndian.AppendUint32(value, checksum(key, value))
}

// unseal checks a sealed value and returns the payload, which aliases it.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < sealOverhead {
		return nil, errShort
	}
	body, crc := value[:len(value)-4], binary.BigEndian.Uint32(value[len(value)-4:])
	if checksum(key, body) != crc {
		return nil, errCRC
	}
	if body[0] != sealVersion {
		return nil, fmt.Errorf("its version is %d, known is %d", body[0], sealVersion)
	}
	return body[1:], nil
}
