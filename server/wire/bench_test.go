package wire_test

import (
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// The messages that every event pays for, each way. What a batch of events
// costs is given for one event.

func BenchmarkWriteAppend(b *testing.B) {
	d := firn.Draft{ID: someID, Type: "Measured", Data: make([]byte, 256)}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		w := wire.BeginAppend(dst[:0], 1)
		w.Write("stream-17", firn.Any, 1)
		w.Record(&d)
		dst = w.Buf
	}
}

func BenchmarkReadAppend(b *testing.B) {
	one := record.AppendDraft(nil, &firn.Draft{ID: someID, Type: "Measured", Data: make([]byte, 256)})
	body := (&wire.Append{Writes: []wire.Write{{Stream: "stream-17", Records: [][]byte{one}}}}).AppendBody(nil)
	b.ReportAllocs()
	for b.Loop() {
		var m wire.Append
		if err := wire.ParseInto(&m, body); err != nil {
			b.Fatal(err)
		}
	}
}

func someAppended() *wire.Appended {
	return &wire.Appended{
		Writes:   []wire.WrittenAt{{FirstRevision: 70000, LastRevision: 70000, FirstPosition: 1 << 33, LastPosition: 1 << 33}},
		Position: 1 << 33, Time: someTime,
	}
}

func BenchmarkWriteAppended(b *testing.B) {
	m := someAppended()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendFrame(dst[:0], 7, m)
	}
}

func BenchmarkReadAppended(b *testing.B) {
	body := someAppended().AppendBody(nil)
	b.ReportAllocs()
	for b.Loop() {
		var m wire.Appended
		if err := wire.ParseInto(&m, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteCredit(b *testing.B) {
	m := &wire.Credit{Bytes: 256 << 10}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendFrame(dst[:0], 7, m)
	}
}

const batch = 700 // events of 256 bytes, about what a node puts into a frame

func BenchmarkWriteEvents(b *testing.B) {
	one := someRecord("stream-17", 1<<33, 70000)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		w := wire.BeginEvents(dst[:0], 7)
		for range batch {
			w.Add("stream-17", one)
		}
		w.End()
		dst = w.Buf
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/event")
}

// Names alternate, as in a scan of everything: each event pays for its name.
func BenchmarkReadEvents(b *testing.B) {
	names := [2]string{"stream-17", "stream-18"}
	w := wire.BeginEvents(nil, 7)
	for i := range batch {
		w.Add(names[i%2], someRecord(names[i%2], 1<<33, 70000))
	}
	w.End()
	body := w.Buf[wire.HeaderBytes:]
	var r wire.EventsReader
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(body)
		for {
			if _, _, ok := r.Next(); !ok {
				break
			}
		}
		if err := r.Err(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/event")
}
