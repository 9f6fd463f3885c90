package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
)

// lifeState is where a stream stands in its life after the changes up to a
// position. Each change writes the whole state, so one look at the last entry
// at or below a position answers for that position, and one look at the last
// of all says what holds from every point: the tombstone and the truncation.
//
//	version      1; 2 where gone follows
//	next         uvarint, the stream's next revision at that position
//	deleted      uvarint, the revision below which the last delete hides all; 0: none
//	deleted at   uvarint, position of that delete
//	tombstoned   uvarint, position; 0: it is not
//	truncated    uvarint, the highest revision below which a truncation hides all
//	max age      uvarint, µs; 0: no limit
//	max count    uvarint; 0: no limit
//	metadata     uvarint, 1 + revision of the event in the stream's system
//	             stream that holds the metadata; 0: none
//	gone         uvarint, where it is not 0, in version 2: the revision below which
//	             all was gone for good when the limits were changed last; see gone.go
type lifeState struct {
	position   firn.Position // from the key
	next       uint64
	deleted    uint64
	deletedAt  firn.Position
	tombstoned firn.Position
	truncated  uint64
	maxAge     uint64
	maxCount   uint64
	metadata   uint64
	gone       uint64
}

const lifeVersionGone = 2

func (l *lifeState) append(dst []byte) []byte {
	version := byte(valueVersion)
	if l.gone > 0 {
		version = lifeVersionGone
	}
	dst = append(dst, version)
	for _, n := range []uint64{l.next, l.deleted, uint64(l.deletedAt), uint64(l.tombstoned), l.truncated, l.maxAge, l.maxCount, l.metadata} {
		dst = binary.AppendUvarint(dst, n)
	}
	if l.gone > 0 {
		dst = binary.AppendUvarint(dst, l.gone)
	}
	return dst
}

func parseLife(key, value []byte) (*lifeState, error) {
	if len(key) < 1+1+1+8 {
		return nil, damagedValue(key, value)
	}
	r := readValue(value)
	withGone := len(value) > 0 && value[0] == lifeVersionGone
	if withGone {
		r = reader{rest: value[1:]}
	}
	l := &lifeState{
		position: firn.Position(binary.BigEndian.Uint64(key[len(key)-8:])),
		next:     r.uvarint(), deleted: r.uvarint(), deletedAt: firn.Position(r.uvarint()), tombstoned: firn.Position(r.uvarint()),
		truncated: r.uvarint(), maxAge: r.uvarint(), maxCount: r.uvarint(), metadata: r.uvarint(),
	}
	if withGone {
		if l.gone = r.uvarint(); l.gone == 0 {
			r.fail()
		}
	}
	if !r.done() {
		return nil, damagedValue(key, value)
	}
	return l, nil
}

// isDeleted reports whether a stream whose next revision is next reads as
// deleted: nothing was written since the last delete.
func (l *lifeState) isDeleted(next uint64) bool {
	return l != nil && l.deleted > 0 && l.deleted == next
}

// change returns the state after a change at position p, of a stream whose
// next revision is next. l is the state before it, nil for none. revision is that
// of the change's event in the system stream, gone what is gone for good by then
// where limits change.
func (l *lifeState) change(p firn.Position, next uint64, life firn.Life, revision, gone uint64) *lifeState {
	var s lifeState
	if l != nil {
		s = *l
	}
	s.position, s.next = p, next
	switch change := life.(type) {
	case firn.Delete:
		s.deleted, s.deletedAt = next, p
	case firn.Tombstone:
		s.tombstoned = p
	case firn.Truncate:
		s.truncated = max(s.truncated, uint64(change.Before))
	case firn.Limits:
		s.maxAge, s.maxCount, s.gone = uint64(change.MaxAge.Microseconds()), change.MaxCount, gone
	case firn.Metadata:
		s.metadata = 0
		if len(change.Data) > 0 {
			s.metadata = revision + 1
		}
	}
	return &s
}

// lifeEvent returns the type and the data of the event that records a change of
// a stream whose next revision is next, and of which what is below gone is gone
// for good. The data is JSON; its bytes are part of what replicas must agree on.
func lifeEvent(life firn.Life, next, gone uint64) (typ string, data []byte) {
	last := "null"
	if next > 0 {
		last = strconv.FormatUint(next-1, 10)
	}
	switch l := life.(type) {
	case firn.Delete:
		return firn.TypeDeleted, fmt.Appendf(nil, `{"revision":%s}`, last)
	case firn.Tombstone:
		return firn.TypeTombstoned, fmt.Appendf(nil, `{"revision":%s}`, last)
	case firn.Truncate:
		return firn.TypeTruncated, fmt.Appendf(nil, `{"before":%d}`, l.Before)
	case firn.Metadata:
		if len(l.Data) == 0 {
			return firn.TypeMetadata, []byte("null")
		}
		return firn.TypeMetadata, l.Data
	}
	l := life.(firn.Limits)
	data, _ = json.Marshal(struct { // cannot fail: a string and numbers
		Category string `json:"category,omitempty"`
		MaxAge   int64  `json:"max_age_us,omitempty"`
		MaxCount uint64 `json:"max_count,omitempty"`
		Gone     uint64 `json:"gone_before,omitempty"`
	}{l.Category, l.MaxAge.Microseconds(), l.MaxCount, gone})
	return firn.TypeLimits, data
}

// lifeStream returns the system stream that records a change of a stream.
func lifeStream(stream string) string {
	if stream == firn.CategoriesStream {
		return stream
	}
	return firn.LifeStream(stream)
}

// checkChange says what is wrong with a change by itself, or nil.
func checkChange(stream string, id firn.ID, life firn.Life) *firn.Error {
	if err := asError(firn.CheckStreamName(stream)); err != nil {
		return err
	}
	if id.IsZero() {
		return firn.Errorf(firn.ErrInvalid, "a change of stream %.64q has no id", stream)
	}
	limits, isLimits := life.(firn.Limits)
	if stream == firn.CategoriesStream && isLimits {
		return asError(firn.CheckCategory(limits.Category))
	}
	switch {
	case firn.IsSystem(stream):
		return firn.Errorf(firn.ErrInvalid, "the stream %.64q belongs to the system; only limits can be set there, on %s for a category", stream, firn.CategoriesStream)
	case limits.Category != "":
		return firn.Errorf(firn.ErrInvalid, "limits for the category %.64q are set on the stream %s, not on %.64q", limits.Category, firn.CategoriesStream, stream)
	case limits.MaxAge < 0:
		return firn.Errorf(firn.ErrInvalid, "a maximal age of %s; give at least %s, or 0 for none", limits.MaxAge, time.Microsecond)
	}
	if m, ok := life.(firn.Metadata); ok && len(m.Data) > firn.EventBytesMax {
		return firn.Errorf(firn.ErrTooLarge, "%d bytes of metadata for stream %.64q; at most %d are allowed", len(m.Data), stream, firn.EventBytesMax)
	}
	return nil
}

// lifeAt returns the stream's state of life as of position p, nil where it has
// none. The iterator has no bounds.
func lifeAt(it *pebble.Iterator, buf []byte, stream string, p firn.Position) (*lifeState, error) {
	buf = appendLifeKey(buf[:0], stream, p+1)
	if p == maxPosition {
		buf = append(appendLifePrefix(buf[:0], stream), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	}
	if !it.SeekLT(buf) {
		return nil, it.Error()
	}
	key := it.Key()
	prefix := split(buf)
	if split(key) != prefix || string(key[:prefix]) != string(buf[:prefix]) {
		return nil, nil
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	return parseLife(key, value)
}

const maxPosition = firn.Position(1<<64 - 1)

// asError returns an error of package firn as what it is.
func asError(err error) *firn.Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*firn.Error); ok {
		return e
	}
	return firn.Errorf(firn.ErrInternal, "%v", err)
}
