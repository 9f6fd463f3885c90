package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn"
)

// The client part of a record:
//
//	version        1 byte, 1
//	flags          1 byte, which of the optional parts below are there
//	id             16 bytes
//	schema         uvarint, at most 32 bits
//	type           uvarint length, bytes
//	content type   uvarint length, bytes      flag 0x01; without it application/json
//	correlation    uvarint length, bytes      flag 0x02
//	causation      uvarint length, bytes      flag 0x04
//	occurred       varint, µs since 1970      flag 0x08
//	metadata       uvarint length, bytes      flag 0x10
//	data           uvarint length, bytes
//	fields         uvarint count, then each   flag 0x20
//	               uvarint number, uvarint length, bytes; numbers grow
//	checksum       4 bytes, little endian, CRC32C of all of the above
//
// A field that is present is not empty (nor is occurred the moment that stands
// for "not said", the first of the year 1), numbers use their shortest form, and
// a reader refuses flags it does not know. So one draft has one encoding, and
// two drafts are the same exactly when their bytes are.
const (
	draftVersion = 1

	flagContentType = 0x01
	flagCorrelation = 0x02
	flagCausation   = 0x04
	flagOccurred    = 0x08
	flagMetadata    = 0x10
	flagFields      = 0x20
	flagsKnown      = 0x3f

	draftBytesMin = 1 + 1 + 16 + 1 + 1 + 1 + 4
	checksumBytes = 4
)

// unsaid is the zero time, as records would carry it.
var unsaid = time.Time{}.UnixMicro()

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Draft is the client part, parsed. Its slices point into the bytes that it
// was parsed from.
type Draft struct {
	ID            firn.ID
	Schema        uint32
	Type          []byte
	ContentType   []byte // empty: application/json
	CorrelationID []byte
	CausationID   []byte
	Occurred      int64 // µs since 1970, where HasOccurred
	HasOccurred   bool
	Metadata      []byte
	Data          []byte
}

// AppendDraft appends the client part of a record for d. The draft must have
// an ID; see [CheckDraft] for what else must hold.
func AppendDraft(dst []byte, d *firn.Draft) []byte {
	start := len(dst)
	var flags byte
	contentType := d.ContentType
	if contentType == firn.JSON {
		contentType = ""
	}
	for _, part := range []struct {
		given bool
		flag  byte
	}{
		{contentType != "", flagContentType},
		{d.CorrelationID != "", flagCorrelation},
		{d.CausationID != "", flagCausation},
		{!d.Occurred.IsZero(), flagOccurred},
		{len(d.Metadata) > 0, flagMetadata},
	} {
		if part.given {
			flags |= part.flag
		}
	}
	dst = append(dst, draftVersion, flags)
	dst = append(dst, d.ID[:]...)
	dst = binary.AppendUvarint(dst, uint64(d.Schema))
	dst = appendString(dst, d.Type)
	if flags&flagContentType != 0 {
		dst = appendString(dst, contentType)
	}
	if flags&flagCorrelation != 0 {
		dst = appendString(dst, d.CorrelationID)
	}
	if flags&flagCausation != 0 {
		dst = appendString(dst, d.CausationID)
	}
	if flags&flagOccurred != 0 {
		dst = binary.AppendVarint(dst, d.Occurred.UnixMicro())
	}
	if flags&flagMetadata != 0 {
		dst = appendString(dst, d.Metadata)
	}
	dst = appendString(dst, d.Data)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// CheckDraft says what is wrong with a draft by itself, or nil. The zero ID is
// not wrong: whoever encodes the draft makes one first.
func CheckDraft(d *firn.Draft) error {
	return checkFields(d.Type, d.ContentType, d.CorrelationID, d.CausationID, len(d.Data)+len(d.Metadata))
}

// Check says what is wrong with a parsed draft that came from outside, or nil.
func (d *Draft) Check() error {
	if d.ID.IsZero() {
		return firn.Errorf(firn.ErrInvalid, "a draft of type %.64q has no id", d.Type)
	}
	return checkFields(d.Type, d.ContentType, d.CorrelationID, d.CausationID, len(d.Data)+len(d.Metadata))
}

func checkFields[T string | []byte](typ, contentType, correlation, causation T, payloadBytes int) error {
	if len(typ) == 0 {
		return firn.Errorf(firn.ErrInvalid, "an event needs a type, of 1 to %d bytes", firn.TypeBytesMax)
	}
	if typ[0] == '$' {
		return firn.Errorf(firn.ErrInvalid, "the type %.64q begins with '$'; such types are the system's", string(typ))
	}
	for _, field := range []struct {
		name  string
		value T
		max   int
	}{
		{"type", typ, firn.TypeBytesMax},
		{"content type", contentType, firn.ContentTypeMax},
		{"correlation id", correlation, firn.TraceBytesMax},
		{"causation id", causation, firn.TraceBytesMax},
	} {
		if err := checkText(field.name, field.value, field.max); err != nil {
			return err
		}
	}
	if payloadBytes > firn.EventBytesMax {
		return firn.Errorf(firn.ErrTooLarge, "an event of type %.64q has %d bytes of data and metadata; at most %d are allowed",
			string(typ), payloadBytes, firn.EventBytesMax)
	}
	return nil
}

func checkText[T string | []byte](name string, value T, bytesMax int) error {
	if len(value) > bytesMax {
		return firn.Errorf(firn.ErrTooLarge, "the %s has %d bytes; at most %d are allowed", name, len(value), bytesMax)
	}
	ascii := true
	for i := range len(value) {
		c := value[i]
		if c < ' ' || c == 0x7f {
			return firn.Errorf(firn.ErrInvalid, "the %s %.64q has a control character at byte %d", name, string(value), i)
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && !utf8.ValidString(string(value)) {
		return firn.Errorf(firn.ErrInvalid, "the %s %.64q is not UTF-8", name, string(value))
	}
	return nil
}

// ParseDraft parses the client part of a record. It accepts exactly what
// AppendDraft makes, further fields included, and verifies the checksum. The
// error is ErrInvalid; where the bytes come from the disk, the caller makes
// that ErrDamaged.
func ParseDraft(b []byte) (Draft, error) {
	var d Draft
	if len(b) < draftBytesMin {
		return d, firn.Errorf(firn.ErrInvalid, "a record of %d bytes is cut short; the least is %d", len(b), draftBytesMin)
	}
	if b[0] != draftVersion {
		return d, firn.Errorf(firn.ErrUnsupported, "a record of version %d; this release knows version %d", b[0], draftVersion)
	}
	flags := b[1]
	if flags&^flagsKnown != 0 {
		return d, firn.Errorf(firn.ErrUnsupported, "a record with unknown flags 0x%02x", flags&^flagsKnown)
	}
	body, sum := b[:len(b)-checksumBytes], binary.LittleEndian.Uint32(b[len(b)-checksumBytes:])
	if actual := crc32.Checksum(body, castagnoli); actual != sum {
		return d, firn.Errorf(firn.ErrInvalid, "a record's checksum is %08x, its bytes give %08x", sum, actual)
	}
	copy(d.ID[:], b[2:18])
	r := reader{rest: body[18:]}
	schema := r.uvarint()
	if schema > math.MaxUint32 {
		r.fail("schema")
	}
	d.Schema = uint32(schema)
	d.Type = r.bytes()
	if flags&flagContentType != 0 {
		d.ContentType = r.present("content type")
	}
	if flags&flagCorrelation != 0 {
		d.CorrelationID = r.present("correlation id")
	}
	if flags&flagCausation != 0 {
		d.CausationID = r.present("causation id")
	}
	if flags&flagOccurred != 0 {
		d.Occurred, d.HasOccurred = r.varint(), true
		if d.Occurred == unsaid {
			r.fail("occurred (empty)")
		}
	}
	if flags&flagMetadata != 0 {
		d.Metadata = r.present("metadata")
	}
	d.Data = r.bytes()
	if flags&flagFields != 0 {
		r.fields()
	}
	if r.failed == "" && len(r.rest) > 0 {
		r.fail("end")
	}
	if string(d.ContentType) == firn.JSON {
		r.fail("content type")
	}
	if r.failed != "" {
		return Draft{}, firn.Errorf(firn.ErrInvalid, "a record of %d bytes is malformed at its %s", len(b), r.failed)
	}
	return d, nil
}

// fields passes over the further fields: their numbers must grow, and none of
// them changes what this release makes of the event.
func (r *reader) fields() {
	count := r.uvarint()
	if count == 0 || count > uint64(len(r.rest)) {
		r.fail("fields")
	}
	for last := uint64(0); count > 0 && r.failed == ""; count-- {
		number := r.uvarint()
		if number <= last {
			r.fail("fields")
		}
		last = number
		r.bytes()
	}
}

// Micros returns the time as records carry it: µs since 1970.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time is the inverse of Micros, in UTC.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// reader walks over bytes from outside. The first fault stays in failed, and
// everything read after it is zero.
type reader struct {
	rest   []byte
	failed string
}

func (r *reader) fail(where string) {
	if r.failed == "" {
		r.failed = where
	}
	r.rest = nil
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 { // cut short, over 64 bits, or not the shortest form
		r.fail("numbers")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail("lengths")
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// present is bytes that may not be empty, since their flag says they are there.
func (r *reader) present(what string) []byte {
	b := r.bytes()
	if len(b) == 0 {
		r.fail(fmt.Sprintf("%s (empty)", what))
	}
	return b
}
