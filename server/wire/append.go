package wire

import (
	"encoding/binary"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// Append asks for an atomic append. Each record is the client part of a record,
// as package record encodes it.
//
//	[writes: array of [stream str, expectation, records: array of bin]]
type Append struct{ Writes []Write }

// Write is one stream's part. Without records it is only a condition.
type Write struct {
	Stream  string
	Expect  firn.Expectation
	Records [][]byte
}

const (
	// writesMax bounds the writes of one append. Conditions count too.
	writesMax = 2 * firn.AppendEventsMax

	// recordsMax bounds the records that are taken memory for. It is above
	// what an append may have, so that a little too much is refused in words.
	recordsMax = 4 * firn.AppendEventsMax
)

func (*Append) Kind() Kind { return KindAppend }

func (m *Append) AppendBody(dst []byte) []byte {
	return appendWrites(appendArray(dst, 1), m.Writes)
}

func appendWrites(dst []byte, writes []Write) []byte {
	dst = appendArray(dst, len(writes))
	for i := range writes {
		w := &writes[i]
		dst = appendString(appendArray(dst, 3), w.Stream)
		dst = appendExpectation(dst, w.Expect)
		dst = appendArray(dst, len(w.Records))
		for _, record := range w.Records {
			dst = appendBin(dst, record)
		}
	}
	return dst
}

func (m *Append) parse(r *reader) {
	later := r.begin(1)
	m.Writes = r.writes()
	r.end(later)
}

func (r *reader) writes() (writes []Write) {
	if n := r.list(writesMax); n > 0 {
		writes = make([]Write, n)
	}
	room := recordsMax
	for i := range writes {
		w := &writes[i]
		later := r.begin(3)
		w.Stream = r.string()
		w.Expect = r.expectation()
		if n := r.list(room); n > 0 {
			w.Records = make([][]byte, n)
			for j := range w.Records {
				w.Records[j] = r.bin()
			}
			room -= n
		}
		r.end(later)
	}
	return writes
}

// Appended is the answer. Streams and ids are those of the request, so only
// the numbers travel: one entry for each write with records, in order.
//
//	[writes: array of [first revision uint, last revision uint, first position uint, last position uint],
//	 position uint, time, repeated bool]
type Appended struct {
	Writes   []WrittenAt
	Position firn.Position
	Time     time.Time
	Repeated bool
}

// WrittenAt is where one write's events are.
type WrittenAt struct {
	FirstRevision, LastRevision firn.Revision
	FirstPosition, LastPosition firn.Position
}

func (*Appended) Kind() Kind { return KindAppended }

func (m *Appended) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Appended) write(w *writer) {
	w.array(4)
	w.array(len(m.Writes))
	for i := range m.Writes {
		written := &m.Writes[i]
		w.array(4)
		w.revision(written.FirstRevision)
		w.revision(written.LastRevision)
		w.position(written.FirstPosition)
		w.position(written.LastPosition)
	}
	w.position(m.Position)
	w.time(m.Time)
	w.bool(m.Repeated)
}

func (m *Appended) parse(r *reader) {
	later := r.begin(4)
	if n := r.list(writesMax); n > 0 {
		m.Writes = make([]WrittenAt, n)
	}
	for i := range m.Writes {
		w := &m.Writes[i]
		later := r.begin(4)
		w.FirstRevision, w.LastRevision = r.revision(), r.revision()
		w.FirstPosition, w.LastPosition = r.position(), r.position()
		r.end(later)
	}
	m.Position = r.position()
	m.Time = r.time()
	m.Repeated = r.bool()
	r.end(later)
}

// AppendWriter makes the body of an Append from drafts, without encoding the
// records apart first: Write, then as many times Record as it announced.
type AppendWriter struct{ Buf []byte }

// BeginAppend begins a body of that many writes behind what dst holds.
func BeginAppend(dst []byte, writes int) AppendWriter {
	return AppendWriter{appendArray(appendArray(dst, 1), writes)}
}

// Write begins the next write.
func (w *AppendWriter) Write(stream string, expect firn.Expectation, records int) {
	w.Buf = appendString(appendArray(w.Buf, 3), stream)
	w.Buf = appendExpectation(w.Buf, expect)
	w.Buf = appendArray(w.Buf, records)
}

// Record adds a draft as a record and returns the record's size. The draft must
// have an id.
func (w *AppendWriter) Record(d *firn.Draft) int {
	// The length stands before the record, and is known after it: take the
	// widest form, which every reader knows.
	w.Buf = append(w.Buf, msgpcode.Bin32, 0, 0, 0, 0)
	start := len(w.Buf)
	w.Buf = record.AppendDraft(w.Buf, d)
	size := len(w.Buf) - start
	binary.BigEndian.PutUint32(w.Buf[start-4:], uint32(size))
	return size
}
