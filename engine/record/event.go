package record

import "github.com/firndb/firn"

// Decoder turns records into events. It keeps the strings that come back again
// and again (types, content types, actors), so that an event costs no
// allocation of its own for them. One goroutine at a time.
type Decoder struct {
	strings map[string]string
}

// stringsMax bounds what a Decoder keeps.
const stringsMax = 4096

func (d *Decoder) intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := d.strings[string(b)]; ok {
		return s
	}
	if d.strings == nil || len(d.strings) >= stringsMax {
		d.strings = make(map[string]string)
	}
	s := string(b)
	d.strings[s] = s
	return s
}

// Event parses a whole record of the stream and verifies both checksums. The
// event's data and metadata point into b. The error is ErrDamaged or
// ErrUnsupported.
func (d *Decoder) Event(stream string, b []byte) (firn.Event, error) {
	n, rest, err := ParseNode(stream, b)
	if err != nil {
		return firn.Event{}, err
	}
	return d.Join(stream, &n, rest)
}

// Join is Event for a record whose node part is parsed already; draft is its
// client part.
func (d *Decoder) Join(stream string, n *Node, draft []byte) (firn.Event, error) {
	c, err := ParseDraft(draft)
	if err != nil {
		return firn.Event{}, firn.Errorf(firn.ErrDamaged, "event at position %d (stream %.64q, revision %d): %v", n.Position, stream, n.Revision, err)
	}
	e := firn.Event{
		Stream: stream, Revision: n.Revision, Position: n.Position, Time: Time(n.Time),
		ID: c.ID, Type: d.intern(c.Type), Schema: c.Schema, ContentType: firn.JSON,
		Data: c.Data, Metadata: c.Metadata,
		Actor: d.intern(n.Actor), Index: n.Index, Count: n.Count,
	}
	if len(c.ContentType) > 0 {
		e.ContentType = d.intern(c.ContentType)
	}
	if len(c.CorrelationID) > 0 {
		e.CorrelationID = string(c.CorrelationID)
	}
	if len(c.CausationID) > 0 {
		e.CausationID = string(c.CausationID)
	}
	if c.HasOccurred {
		e.Occurred = Time(c.Occurred)
	}
	return e, nil
}

// Stored is an event as it lies in the store, for those who pass it on without
// looking into it.
type Stored struct {
	Stream   string
	Position firn.Position
	Bytes    []byte // node part and client part; valid until the next one is asked for

	Fault *firn.Error // why it could not be shown in today's shape; nil: it is
}

// Encode returns the record of an event: the inverse of [Decoder.Event].
func Encode(e *firn.Event) []byte {
	d := firn.Draft{
		ID: e.ID, Type: e.Type, Schema: e.Schema, ContentType: e.ContentType,
		Data: e.Data, Metadata: e.Metadata,
		CorrelationID: e.CorrelationID, CausationID: e.CausationID, Occurred: e.Occurred,
	}
	draft := AppendDraft(nil, &d)
	n := Node{
		Position: e.Position, Revision: e.Revision, Time: Micros(e.Time),
		Index: e.Index, Count: e.Count, Actor: []byte(e.Actor), Digest: DigestOf(draft),
	}
	return append(AppendNode(nil, e.Stream, &n), draft...)
}
