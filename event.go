package firn

import "time"

// Limits of one append that hold in every Firn. A node may be configured
// downwards, never upwards.
const (
	EventBytesMax   = 4 << 20 // data and metadata of one event
	AppendBytesMax  = 8 << 20 // all encoded drafts of one append
	AppendEventsMax = 4096
	TypeBytesMax    = 255
	ContentTypeMax  = 255
	TraceBytesMax   = 255 // correlation id and causation id, each
	ActorBytesMax   = 255
)

// JSON is the content type of a draft that names none.
const JSON = "application/json"

// Draft is what a caller wants to append.
type Draft struct {
	ID          ID     // zero: one is made, as UUIDv7
	Type        string // 1 to 255 bytes of UTF-8
	Schema      uint32 // version of the type's shape; 0: none said, counts as 1
	ContentType string // "": application/json
	Data        []byte // opaque to the store
	Metadata    []byte // opaque to the store; JSON by convention

	CorrelationID string    // the conversation this belongs to; "": none
	CausationID   string    // the event or command that caused this; "": none
	Occurred      time.Time // when it happened, where that is not when it was recorded; kept to the microsecond
}

// Event is what the log has accepted. Its bytes are the caller's to keep, not
// to change.
type Event struct {
	Stream   string
	Revision Revision
	Position Position
	Time     time.Time // recorded, UTC, microseconds; never goes back from one position to the next

	ID          ID
	Type        string
	Schema      uint32
	ContentType string // never empty
	Data        []byte
	Metadata    []byte

	CorrelationID string
	CausationID   string
	Occurred      time.Time // zero: not said

	Actor string // the authenticated user; "": nobody was asked
	Index uint32 // place within its append, from 0
	Count uint32 // events of its append

	// Why an upcaster could not show the event in today's shape; nil: it did, or none
	// was needed. Type, Schema and Data are then as stored.
	Fault *Error
}

// AppendEnd reports whether the event is the last of its append. Readers that
// stop or take a checkpoint do so only here, so that no atomic append is torn.
func (e *Event) AppendEnd() bool { return e.Index+1 == e.Count }
