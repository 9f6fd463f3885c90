package command

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/firndb/firn"
)

// Kind is the number of a kind of item.
type Kind uint8

// The kinds. The list only grows at its end.
const (
	KindAppend   Kind = 1 // Append: events for one or more streams, and conditions
	KindChange   Kind = 2 // Change: a change in a stream's life
	KindFound    Kind = 3 // Found: the first item of a history: the store's identity
	KindVersion  Kind = 4 // Version: which commands and formats are in use from here on
	KindDefine   Kind = 5 // Define: a definition that the cluster shares
	KindSettle   Kind = 6 // Settle: where a consumer group stands after some answers
	KindSnapshot Kind = 7 // Snapshot: a fold's state of one stream at one revision
	KindAppendAt Kind = 8 // AppendAt: an Append whose events have a time of their own
	KindScavenge Kind = 9 // Scavenge: what is hidden by now is gone from every point in time
)

// VersionNow is the highest cluster version that this release knows. All kinds
// belong to version 1.
const VersionNow = 1

const entryVersion = 1

// ErrUnknownKind says that an entry holds something of a later release.
var ErrUnknownKind = errors.New("an item of a later release")

// Item is one change: [*Append], [*Change], [*Found], [*Version], [*Define],
// [*Settle], [*Snapshot], [*AppendAt] or [*Scavenge].
type Item interface {
	kind() Kind
	appendBody(dst []byte) []byte
	parseBody(r *reader)
}

// Result is what applying one item answered. Either Err is set or the rest.
type Result struct {
	Appended firn.Appended // Append; for a Change or Define only Position, Time and Repeated; for a Settle nothing
	Version  uint64        // Define: the one that the definition got
	Err      *firn.Error
}

// AppendItem appends an encoded item.
func AppendItem(dst []byte, item Item) []byte {
	dst = append(dst, byte(item.kind()))
	body := item.appendBody(nil)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...)
}

// AppendEntry appends a Raft entry of items that are encoded already. micros is
// the time that the leader proposes.
func AppendEntry(dst []byte, micros int64, items ...[]byte) []byte {
	dst = append(dst, entryVersion)
	dst = binary.AppendUvarint(dst, uint64(micros))
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for _, item := range items {
		dst = append(dst, item...)
	}
	return dst
}

// Entry is a Raft entry, parsed. The items' slices point into its bytes.
type Entry struct {
	Micros int64
	Items  []Item
}

// ParseEntry parses a whole Raft entry. An error wraps ErrUnknownKind where a
// later release wrote it; any other means damage.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) == 0 {
		return Entry{}, errors.New("command: an empty entry")
	}
	if b[0] != entryVersion {
		return Entry{}, fmt.Errorf("command: entry of version %d, this release knows %d: %w", b[0], entryVersion, ErrUnknownKind)
	}
	r := reader{rest: b[1:]}
	e := Entry{Micros: int64(r.uvarint())}
	count := r.uvarint()
	if count == 0 || count > uint64(len(r.rest)) {
		r.fail("count")
	}
	for i := uint64(0); i < count && r.failed == ""; i++ {
		item, err := r.item()
		if err != nil {
			return Entry{}, fmt.Errorf("command: item %d of %d: %w", i, count, err)
		}
		e.Items = append(e.Items, item)
	}
	if r.failed == "" && len(r.rest) > 0 {
		r.fail("end")
	}
	if r.failed != "" {
		return Entry{}, fmt.Errorf("command: an entry of %d bytes is malformed at its %s", len(b), r.failed)
	}
	return e, nil
}

// ParseItem parses one item as AppendItem makes it.
func ParseItem(b []byte) (Item, error) {
	r := reader{rest: b}
	item, err := r.item()
	if err == nil && len(r.rest) > 0 {
		r.fail("end")
	}
	if err == nil && r.failed != "" {
		err = fmt.Errorf("malformed at its %s", r.failed)
	}
	if err != nil {
		return nil, fmt.Errorf("command: item of %d bytes: %w", len(b), err)
	}
	return item, nil
}

func (r *reader) item() (Item, error) {
	kind := Kind(r.byte())
	body := reader{rest: r.bytes()}
	if r.failed != "" {
		return nil, fmt.Errorf("malformed at its %s", r.failed)
	}
	var item Item
	switch kind {
	case KindAppend:
		item = new(Append)
	case KindChange:
		item = new(Change)
	case KindFound:
		item = new(Found)
	case KindVersion:
		item = new(Version)
	case KindDefine:
		item = new(Define)
	case KindSettle:
		item = new(Settle)
	case KindSnapshot:
		item = new(Snapshot)
	case KindAppendAt:
		item = new(AppendAt)
	case KindScavenge:
		item = new(Scavenge)
	default:
		return nil, fmt.Errorf("kind %d: %w", kind, ErrUnknownKind)
	}
	item.parseBody(&body)
	if body.failed == "" && len(body.rest) > 0 {
		body.fail("end")
	}
	if body.failed != "" {
		return nil, fmt.Errorf("kind %d is malformed at its %s", kind, body.failed)
	}
	return item, nil
}
