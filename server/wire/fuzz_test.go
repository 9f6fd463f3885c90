package wire_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// fuzzKind feeds bodies to one kind's decoder. What it accepts must come back as
// the same message when it is encoded again.
func fuzzKind(f *testing.F, k wire.Kind) {
	for _, s := range samples() {
		if s.message.Kind() == k {
			f.Add(s.message.AppendBody(nil))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := wire.Parse(k, body)
		if err != nil {
			var e *firn.Error
			if !errors.As(err, &e) {
				t.Fatalf("%x: the error %v is not an *firn.Error", body, err)
			}
			return
		}
		again := m.AppendBody(nil)
		second, err := wire.Parse(k, again)
		if err != nil || !reflect.DeepEqual(m, second) {
			t.Fatalf("%x: parsed as %+v, encoded as %x, which is %+v (%v)", body, m, again, second, err)
		}
	})
}

func FuzzHello(f *testing.F)        { fuzzKind(f, wire.KindHello) }
func FuzzWelcome(f *testing.F)      { fuzzKind(f, wire.KindWelcome) }
func FuzzError(f *testing.F)        { fuzzKind(f, wire.KindError) }
func FuzzPlain(f *testing.F)        { fuzzKind(f, wire.KindPing) }
func FuzzCredit(f *testing.F)       { fuzzKind(f, wire.KindCredit) }
func FuzzAppend(f *testing.F)       { fuzzKind(f, wire.KindAppend) }
func FuzzAppendAt(f *testing.F)     { fuzzKind(f, wire.KindAppendAt) }
func FuzzAppended(f *testing.F)     { fuzzKind(f, wire.KindAppended) }
func FuzzRead(f *testing.F)         { fuzzKind(f, wire.KindRead) }
func FuzzStream(f *testing.F)       { fuzzKind(f, wire.KindStream) }
func FuzzStreamInfo(f *testing.F)   { fuzzKind(f, wire.KindStreamInfo) }
func FuzzStreams(f *testing.F)      { fuzzKind(f, wire.KindStreams) }
func FuzzStreamList(f *testing.F)   { fuzzKind(f, wire.KindStreamList) }
func FuzzChange(f *testing.F)       { fuzzKind(f, wire.KindChange) }
func FuzzChanged(f *testing.F)      { fuzzKind(f, wire.KindChanged) }
func FuzzHead(f *testing.F)         { fuzzKind(f, wire.KindHead) }
func FuzzHeadAt(f *testing.F)       { fuzzKind(f, wire.KindHeadAt) }
func FuzzResolve(f *testing.F)      { fuzzKind(f, wire.KindResolve) }
func FuzzResolved(f *testing.F)     { fuzzKind(f, wire.KindResolved) }
func FuzzStatsAre(f *testing.F)     { fuzzKind(f, wire.KindStatsAre) }
func FuzzStatusIs(f *testing.F)     { fuzzKind(f, wire.KindStatusIs) }
func FuzzAddNode(f *testing.F)      { fuzzKind(f, wire.KindAddNode) }
func FuzzNamed(f *testing.F)        { fuzzKind(f, wire.KindRemoveNode) }
func FuzzProgress(f *testing.F)     { fuzzKind(f, wire.KindProgress) }
func FuzzVerified(f *testing.F)     { fuzzKind(f, wire.KindVerified) }
func FuzzScavenge(f *testing.F)     { fuzzKind(f, wire.KindScavenge) }
func FuzzScavenged(f *testing.F)    { fuzzKind(f, wire.KindScavenged) }
func FuzzSubscribe(f *testing.F)    { fuzzKind(f, wire.KindSubscribe) }
func FuzzMarks(f *testing.F)        { fuzzKind(f, wire.KindMarks) }
func FuzzDefineGroup(f *testing.F)  { fuzzKind(f, wire.KindCreateGroup) }
func FuzzDeleteGroup(f *testing.F)  { fuzzKind(f, wire.KindDeleteGroup) }
func FuzzGroups(f *testing.F)       { fuzzKind(f, wire.KindGroups) }
func FuzzGroupList(f *testing.F)    { fuzzKind(f, wire.KindGroupList) }
func FuzzGroup(f *testing.F)        { fuzzKind(f, wire.KindGroup) }
func FuzzGroupInfo(f *testing.F)    { fuzzKind(f, wire.KindGroupInfo) }
func FuzzConsume(f *testing.F)      { fuzzKind(f, wire.KindConsume) }
func FuzzDeliveries(f *testing.F)   { fuzzKind(f, wire.KindDeliveries) }
func FuzzSettle(f *testing.F)       { fuzzKind(f, wire.KindSettle) }
func FuzzCounted(f *testing.F)      { fuzzKind(f, wire.KindCounted) }
func FuzzParked(f *testing.F)       { fuzzKind(f, wire.KindParked) }
func FuzzParkedList(f *testing.F)   { fuzzKind(f, wire.KindParkedList) }
func FuzzUnpark(f *testing.F)       { fuzzKind(f, wire.KindUnpark) }
func FuzzRewind(f *testing.F)       { fuzzKind(f, wire.KindRewind) }
func FuzzRewound(f *testing.F)      { fuzzKind(f, wire.KindRewound) }
func FuzzWaitGroup(f *testing.F)    { fuzzKind(f, wire.KindWaitGroup) }
func FuzzState(f *testing.F)        { fuzzKind(f, wire.KindState) }
func FuzzStateIs(f *testing.F)      { fuzzKind(f, wire.KindStateIs) }
func FuzzDiff(f *testing.F)         { fuzzKind(f, wire.KindDiff) }
func FuzzDiffIs(f *testing.F)       { fuzzKind(f, wire.KindDiffIs) }
func FuzzBlame(f *testing.F)        { fuzzKind(f, wire.KindBlame) }
func FuzzBlameIs(f *testing.F)      { fuzzKind(f, wire.KindBlameIs) }
func FuzzBisect(f *testing.F)       { fuzzKind(f, wire.KindBisect) }
func FuzzBisected(f *testing.F)     { fuzzKind(f, wire.KindBisected) }
func FuzzBackup(f *testing.F)       { fuzzKind(f, wire.KindBackup) }
func FuzzBackupBegins(f *testing.F) { fuzzKind(f, wire.KindBackupBegins) }
func FuzzBackupPart(f *testing.F)   { fuzzKind(f, wire.KindBackupPart) }
func FuzzEventsFrame(f *testing.F)  { fuzzKind(f, wire.KindEvents) }

// FuzzBody feeds bodies to every kind's decoder, also to those that have no
// target of their own.
func FuzzBody(f *testing.F) {
	for _, s := range samples() {
		f.Add(uint8(s.message.Kind()), s.message.AppendBody(nil))
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		k := wire.Kind(kind)
		m, err := wire.Parse(k, body)
		if err != nil {
			return
		}
		again := m.AppendBody(nil)
		if second, err := wire.Parse(k, again); err != nil || !reflect.DeepEqual(m, second) {
			t.Fatalf("%v %x: parsed as %+v, encoded as %x, which is %+v (%v)", k, body, m, again, second, err)
		}
	})
}

// FuzzEventsReader holds the reader that walks over a body against the one that
// makes a message of it.
func FuzzEventsReader(f *testing.F) {
	for _, s := range samples() {
		if s.message.Kind() == wire.KindEvents {
			f.Add(s.message.AppendBody(nil))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var walked wire.Events
		var r wire.EventsReader
		r.Reset(body)
		for {
			stream, record, ok := r.Next()
			if !ok {
				break
			}
			walked.Records = append(walked.Records, wire.Record{Stream: stream, Bytes: record})
		}
		m, err := wire.Parse(wire.KindEvents, body)
		if (err == nil) != (r.Err() == nil) {
			t.Fatalf("%x: walking over it ends with %v, parsing it with %v", body, r.Err(), err)
		}
		if err == nil && !reflect.DeepEqual(m, &walked) {
			t.Fatalf("%x: walked over %+v, parsed %+v", body, walked, m)
		}
	})
}

// FuzzFrame feeds whole frames, of any kind.
func FuzzFrame(f *testing.F) {
	for _, s := range samples() {
		f.Add(wire.AppendFrame(nil, s.call, s.message))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, m, err := read(frame)
		if err != nil || len(frame) < wire.HeaderBytes {
			return
		}
		again := wire.AppendFrame(nil, h.Call, m)
		h2, m2, err := read(again)
		if err != nil || h2.Call != h.Call || h2.Kind != h.Kind || !reflect.DeepEqual(m, m2) {
			t.Fatalf("%x: read as %+v, encoded as %x, which is %+v (%v)", frame, m, again, m2, err)
		}
	})
}

// TestEventsWriter holds the frames made event by event against those made at
// once.
func TestEventsWriter(t *testing.T) {
	events := &wire.Events{}
	prefix := []byte("kept")
	w := wire.BeginEvents(bytes.Clone(prefix), 10)
	for _, stream := range []string{"a", "a", "b", "a", "a"} {
		r := someRecord(stream, 1, 0)
		w.Add(stream, r)
		events.Records = append(events.Records, wire.Record{Stream: stream, Bytes: r})
	}
	w.End()
	if want := wire.AppendFrame(prefix, 10, events); !bytes.Equal(w.Buf, want) || w.Bytes() != len(want)-len(prefix) {
		t.Errorf("made event by event it is %x (%d bytes), made at once %x", w.Buf, w.Bytes(), want)
	}
}

// TestDeliveriesWriter holds the frames made delivery by delivery against those
// made at once.
func TestDeliveriesWriter(t *testing.T) {
	m := &wire.Deliveries{}
	prefix := []byte("kept")
	w := wire.BeginDeliveries(bytes.Clone(prefix), 10)
	for i := range 3 {
		m.Items = append(m.Items, wire.Delivery{Stream: "a", Token: firn.Token{Epoch: 1 << 40, Number: uint64(i)}, Attempt: 300, Replay: i == 1, Record: someRecord("a", 1, 0)})
		w.Add(&m.Items[i])
	}
	w.End()
	if want := wire.AppendFrame(prefix, 10, m); !bytes.Equal(w.Buf, want) || w.Bytes() != len(want)-len(prefix) || w.Count() != 3 {
		t.Errorf("made one by one it is %x (%d bytes, %d deliveries), made at once %x", w.Buf, w.Bytes(), w.Count(), want)
	}
}

// TestAppendWriter holds an append made draft by draft against one made at once.
func TestAppendWriter(t *testing.T) {
	d := firn.Draft{ID: someID, Type: "OrderPlaced", Data: []byte("x")}
	w := wire.BeginAppend(nil, 2)
	w.Write("order-42", firn.At(3), 2)
	first := w.Record(&d)
	w.Record(&d)
	w.Write("limit-1", firn.None, 0)
	m, err := wire.Parse(wire.KindAppend, w.Buf)
	if err != nil {
		t.Fatal(err)
	}
	writes := m.(*wire.Append).Writes
	if len(writes) != 2 || writes[0].Expect != firn.At(3) || len(writes[0].Records) != 2 || len(writes[0].Records[1]) != first || writes[1].Stream != "limit-1" || writes[1].Records != nil {
		t.Errorf("read as %+v", writes)
	}
}
