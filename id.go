package firn

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ID names an event: a UUID (RFC 9562). An event is identified by its stream
// and its ID together. The zero ID means "none given".
type ID [16]byte

// IsZero reports whether no ID was given.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical form, in lower case:
// 01890a5d-ac96-774b-bcce-b302099a8057.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return string(b[:])
}

// MarshalText returns the canonical form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the canonical form.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

var errID = errors.New("not a UUID (36 characters, like 01890a5d-ac96-774b-bcce-b302099a8057)")

// ParseID reads the canonical form of a UUID, in either case.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, fmt.Errorf("%.64q: %w", s, errID)
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, fmt.Errorf("%.64q: %w", s, errID)
	}
	return id, nil
}

// NewID returns a new UUIDv7: ids made later sort after ids made earlier, at
// the granularity of a millisecond.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails, see crypto/rand
	binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16|uint64(binary.BigEndian.Uint16(id[6:8])))
	return stamp(id, 7)
}

// DeriveID returns the id of the n-th event that the command makes. The same
// command and n give the same id, so a command that is handled twice appends
// once.
func DeriveID(command ID, n int) ID {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(command[:], uint64(n)))
	return stamp(ID(sum[:16]), 8)
}

// NameID returns the UUIDv5 of a name within a namespace (RFC 9562, 5.5). It
// turns a foreign identifier that is no UUID into an ID.
func NameID(namespace ID, name string) ID {
	sum := sha1.Sum(append(namespace[:], name...))
	return stamp(ID(sum[:16]), 5)
}

func stamp(id ID, version byte) ID {
	id[6] = id[6]&0x0f | version<<4
	id[8] = id[8]&0x3f | 0x80
	return id
}
