package bench

import (
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// eventType is the type of every event written here.
const eventType = "OrderPlaced"

// eventData returns size bytes of JSON, half of them text that compresses as
// real events do, half of them hexadecimal noise. Where size leaves no room for
// an object it is a JSON string, and a single byte is a digit.
func eventData(size int) []byte {
	const head, middle, tail = `{"customer":"`, `","note":"`, `"}`
	const text = "two boxes, ring twice, leave with the neighbour if nobody answers; "
	room := size - len(head) - len(middle) - len(tail)
	switch {
	case size == 1:
		return []byte("1")
	case room < 2:
		return append(append([]byte{'"'}, noise(size-2)...), '"')
	}
	b := make([]byte, 0, size)
	b = append(append(b, head...), noise(room/2)...)
	b = append(b, middle...)
	for len(b) < size-len(tail) {
		b = append(b, text[:min(len(text), size-len(tail)-len(b))]...)
	}
	return append(b, tail...)
}

// noise returns n hexadecimal digits, the same at every start: figures of two
// days are about the same bytes.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(2, 71))
	raw := make([]byte, n/2+1)
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	return hex.AppendEncode(nil, raw)[:n]
}

// logged returns the records of so many events of one append, as Firn logs
// them: what the floors move.
func logged(stream string, data []byte, events int) []byte {
	var b []byte
	for i := range events {
		b = append(b, record.Encode(&firn.Event{
			Stream: stream, Revision: firn.Revision(i), Position: firn.Position(1_000_000 + i), Time: time.Now(),
			ID: firn.NewID(), Type: eventType, ContentType: firn.JSON, Data: data,
			Index: uint32(i), Count: uint32(events),
		})...)
	}
	return b
}
