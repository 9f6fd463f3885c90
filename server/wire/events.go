package wire

import (
	"encoding/binary"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Events carries events: the stream's name, then whole records (node part and
// client part) of that stream, until the next name.
//
//	[items: array of (str: the stream of the records that follow | bin: a record)]
//
// The first item is a name. [EventsWriter] and [EventsReader] make and take
// such a frame without a copy or an allocation an event.
type Events struct{ Records []Record }

// Record is one event of an Events frame.
type Record struct {
	Stream string
	Bytes  []byte
}

func (*Events) Kind() Kind { return KindEvents }

func (m *Events) AppendBody(dst []byte) []byte {
	w := beginEvents(dst)
	for _, record := range m.Records {
		w.Add(record.Stream, record.Bytes)
	}
	w.endEvents()
	return w.Buf
}

func (m *Events) parse(r *reader) {
	e := EventsReader{r: r}
	e.begin()
	for {
		stream, bytes, ok := e.Next()
		if !ok {
			break
		}
		m.Records = append(m.Records, Record{Stream: stream, Bytes: bytes})
	}
}

// EventsWriter makes one Events frame in Buf. It begins with BeginEvents, and
// the frame is whole after End.
type EventsWriter struct {
	Buf    []byte
	frame  int // where the frame begins
	items  int // where the items' count stands
	count  uint32
	stream string
}

// BeginEvents begins an Events frame behind what dst holds.
func BeginEvents(dst []byte, call uint64) EventsWriter {
	frame := len(dst)
	w := beginEvents(BeginFrame(dst, KindEvents, call))
	w.frame = frame
	return w
}

func beginEvents(dst []byte) EventsWriter {
	dst = append(appendArray(dst, 1), msgpcode.Array32, 0, 0, 0, 0)
	return EventsWriter{Buf: dst, items: len(dst) - 4}
}

// Add adds an event. The bytes are copied.
func (w *EventsWriter) Add(stream string, record []byte) {
	if w.count == 0 || stream != w.stream {
		w.Buf = appendString(w.Buf, stream)
		w.stream = stream
		w.count++
	}
	w.Buf = appendBin(w.Buf, record)
	w.count++
}

// Empty reports whether no event was added.
func (w *EventsWriter) Empty() bool { return w.count == 0 }

// Bytes returns the size of the frame so far.
func (w *EventsWriter) Bytes() int { return len(w.Buf) - w.frame }

// End makes the frame whole.
func (w *EventsWriter) End() {
	w.endEvents()
	EndFrame(w.Buf, w.frame)
}

func (w *EventsWriter) endEvents() { binary.BigEndian.PutUint32(w.Buf[w.items:], w.count) }

// EventsReader walks over the body of an Events frame. The zero EventsReader
// is ready for Reset; kept from frame to frame, it makes one string for
// consecutive events of a stream.
type EventsReader struct {
	r      *reader
	left   int
	later  int
	named  bool
	stream string
}

// Reset begins with the body of another frame.
func (e *EventsReader) Reset(body []byte) {
	if e.r == nil {
		e.r = newReader()
	}
	e.r.reset(body)
	e.begin()
}

func (e *EventsReader) begin() {
	e.later = e.r.begin(1)
	e.left, e.named = e.r.array(), false
}

// Next returns the next event. Its bytes point into the body. After the last
// one ok is false; then Err says whether the body was well formed.
func (e *EventsReader) Next() (stream string, record []byte, ok bool) {
	for e.left > 0 && e.r.failed == "" {
		e.left--
		item, name := e.r.item()
		switch {
		case e.r.failed != "":
		case !name && e.named:
			return e.stream, item, true
		case !name:
			e.r.fail("records: one has no stream")
		default:
			if e.named = true; string(item) != e.stream {
				e.stream = string(item)
			}
		}
	}
	if e.later > 0 {
		e.r.end(e.later)
		e.later = 0
	}
	return "", nil, false
}

// Err says what was wrong with the body, or nil. Call it after Next returned
// false.
func (e *EventsReader) Err() error {
	if e.r == nil {
		return nil
	}
	if failed := e.r.finish(); failed != "" {
		return malformed(KindEvents, failed)
	}
	return nil
}
