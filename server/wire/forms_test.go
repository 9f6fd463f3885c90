package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// edges are the numbers around which the form of a number or a length changes.
var edges = []uint64{0, 1, 15, 16, 31, 32, 127, 128, 255, 256, math.MaxUint16, math.MaxUint16 + 1, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64, math.MaxUint64}

// TestHotForms holds what is written by hand against the library, wherever the
// form of a value changes.
func TestHotForms(t *testing.T) {
	for _, edge := range edges {
		n := int(min(edge, math.MaxUint16+1))
		stream, one := strings.Repeat("s", n), bytes.Repeat([]byte{7}, n)
		writes := []wire.Write{{Stream: stream, Expect: firn.At(firn.Revision(edge)), Records: [][]byte{one}}, {Expect: firn.Exists, Records: make([][]byte, n)}}
		var appends, events, deliveries bytes.Buffer
		a, e, d := msgpack.NewEncoder(&appends), msgpack.NewEncoder(&events), msgpack.NewEncoder(&deliveries)
		kind, _ := firn.At(0).Code()
		exists, _ := firn.Exists.Code()
		err := errors.Join(
			a.EncodeArrayLen(1), a.EncodeArrayLen(2),
			a.EncodeArrayLen(3), a.EncodeString(stream),
			a.EncodeArrayLen(2), a.EncodeUint(uint64(kind)), a.EncodeUint(edge),
			a.EncodeArrayLen(1), a.EncodeBytes(one),
			a.EncodeArrayLen(3), a.EncodeString(""), a.EncodeArrayLen(1), a.EncodeUint(uint64(exists)),
			a.EncodeArrayLen(n),
			e.EncodeString(stream), e.EncodeBytes(one), e.EncodeBytes(one),
			d.EncodeArrayLen(7), d.EncodeString(stream), d.EncodeUint(edge), d.EncodeUint(edge),
			d.EncodeUint(uint64(uint32(edge))), d.EncodeBool(edge%2 == 0), d.EncodeBytes(one),
			d.EncodeArrayLen(2), d.EncodeUint(7), d.EncodeString(stream),
		)
		for range n {
			err = errors.Join(err, a.EncodeBytes([]byte{}))
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := (&wire.Append{Writes: writes}).AppendBody(nil); !bytes.Equal(got, appends.Bytes()) {
			t.Errorf("%d: an Append by hand differs from the library's", edge)
		}
		handed := &wire.Deliveries{Items: []wire.Delivery{{Stream: stream, Token: firn.Token{Epoch: edge, Number: edge}, Attempt: uint32(edge), Replay: edge%2 == 0, Record: one, Fault: &wire.DeliveryFault{Kind: 7, Message: stream}}}}
		if got := bytes.TrimPrefix(handed.AppendBody(nil), []byte{0x91, 0xdd, 0, 0, 0, 1}); !bytes.Equal(got, deliveries.Bytes()) {
			t.Errorf("%d: a delivery by hand differs from the library's", edge)
		}
		m := &wire.Events{Records: []wire.Record{{Stream: stream, Bytes: one}, {Stream: stream, Bytes: one}}}
		body := m.AppendBody(nil)
		if got := bytes.TrimPrefix(body, []byte{0x91, 0xdd, 0, 0, 0, 3}); !bytes.Equal(got, events.Bytes()) {
			t.Errorf("%d: the items of Events by hand differ from the library's", edge)
		}
		if again, err := wire.Parse(wire.KindEvents, body); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%d: the items of Events are not read as they were written (%v)", edge, err)
		}
	}
}

// form is a body in hexadecimal, and what is special about it.
type form struct {
	kind wire.Kind
	body string
	what string
}

// TestOtherForms reads values in forms that other libraries write.
func TestOtherForms(t *testing.T) {
	head := &wire.Head{Consistency: firn.Consistency{AtLeast: 5}}
	stream := &wire.Stream{Name: "a"}
	events := &wire.Events{Records: []wire.Record{{Stream: "a", Bytes: []byte{7}}}}
	for _, c := range []struct {
		form
		want wire.Message
	}{
		{form{wire.KindHead, "9192c2cc05", "an integer in 2 bytes"}, head},
		{form{wire.KindHead, "9192c2cd0005", "an integer in 3 bytes"}, head},
		{form{wire.KindHead, "9192c2ce00000005", "an integer in 5 bytes"}, head},
		{form{wire.KindHead, "9192c2cf0000000000000005", "an integer in 9 bytes"}, head},
		{form{wire.KindHead, "9192c2d005", "a signed integer in 2 bytes"}, head},
		{form{wire.KindHead, "9192c2d10005", "a signed integer in 3 bytes"}, head},
		{form{wire.KindHead, "9192c2d200000005", "a signed integer in 5 bytes"}, head},
		{form{wire.KindHead, "9192c2d30000000000000005", "a signed integer in 9 bytes"}, head},
		{form{wire.KindHead, "dc0001 dd00000002 c2 05", "arrays in 16 and 32 bits"}, head},
		{form{wire.KindStream, "92 d90161 9100", "a string with a length of 8 bits"}, stream},
		{form{wire.KindStream, "92 da000161 9100", "a string with a length of 16 bits"}, stream},
		{form{wire.KindStream, "92 db0000000161 9100", "a string with a length of 32 bits"}, stream},
		{form{wire.KindEvents, "91 92 d90161 c5000107", "lengths of 8 and 16 bits"}, events},
		{form{wire.KindEvents, "91 92 da000161 c60000000107", "lengths of 16 and 32 bits"}, events},
		{form{wire.KindEvents, "91 dc0002 db0000000161 c40107", "a length of 32 bits"}, events},
		{form{wire.KindHeadAt, "9205d3fffffffffffffffe", "a time before 1970"}, &wire.HeadAt{Position: 5, Time: time.Unix(0, -2000).UTC()}},
		{form{wire.KindHead, "99 92c205 c2 c0 d0ff ff cfffffffffffffffff d90161 c5000107 dc000190", "later fields of every sort"}, head},
	} {
		got, err := wire.Parse(c.kind, unhex(t, c.body))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v (%v), want %+v", c.what, got, err, c.want)
		}
	}
}

// TestRefusedForms reads what MessagePack libraries let pass for something else.
func TestRefusedForms(t *testing.T) {
	for _, c := range []form{
		{wire.KindHead, "c0", "nil for the body"},
		{wire.KindHead, "91c0", "nil for an array"},
		{wire.KindHead, "9192c005", "nil for a boolean"},
		{wire.KindHead, "9192c2c0", "nil for an integer"},
		{wire.KindHead, "9192c2d0ff", "-1 in 2 bytes"},
		{wire.KindHead, "9192c2d1ffff", "-1 in 3 bytes"},
		{wire.KindHead, "9192c2d2ffffffff", "-1 in 5 bytes"},
		{wire.KindHead, "9192c2d3ffffffffffffffff", "-1 in 9 bytes"},
		{wire.KindHead, "9192c2ca40a00000", "a float for an integer"},
		{wire.KindHead, "9192c2a105", "a string for an integer"},
		{wire.KindHead, "9182c205", "a map for an array"},
		{wire.KindHead, "9292c205 80", "a map where a later field might be"},
		{wire.KindHead, "9292c205 d40100", "an extension where a later field might be"},
		{wire.KindHead, "9292c205 c1", "the code that MessagePack never uses"},
		{wire.KindHeadAt, "9205cfffffffffffffffff", "a time of 64 bits"},
		{wire.KindStream, "92c09100", "nil for a string"},
		{wire.KindStream, "92c401619100", "bytes for a string"},
		{wire.KindChange, "94a161 a430313233 9100 9101", "a string for an id"},
		{wire.KindChange, "94a161 c403303132 9100 9101", "an id of 3 bytes"},
		{wire.KindAppend, "9191 93a161 9100 91c0", "nil for a record"},
		{wire.KindAppend, "9191 93a161 9100 91a107", "a string for a record"},
		{wire.KindAppend, "9191 93a161 9100 c0", "nil for the records"},
		{wire.KindEvents, "9191c0", "nil for an item"},
		{wire.KindEvents, "91920761", "an integer for an item"},
		{wire.KindEvents, "9191d9", "an item without its length"},
		{wire.KindConsume, "93a161 cf0000000100000000 01", "more deliveries in flight than 32 bits count"},
		{wire.KindSettle, "92 01 91 95 01 01 00 00 a0", "an answer without an outcome"},
	} {
		m, err := wire.Parse(c.kind, unhex(t, c.body))
		if !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("%s: got %+v (%v), want the error %v", c.what, m, err, firn.ErrInvalid)
		}
	}
}

// TestAnnounced announces strings, bytes and arrays of up to 4 GiB: no memory is
// taken for what is not there.
func TestAnnounced(t *testing.T) {
	for _, c := range []form{
		{wire.KindStream, "92dbffffffff", "a name"},
		{wire.KindStream, "92db00ffffff", "a name of 16 MiB"},
		{wire.KindWelcome, "9901950000000000a0c0c0a0ddffffffff", "features"},
		{wire.KindError, "9702a0a0c0a0ddffffffff", "positions"},
		{wire.KindAppend, "91ddffffffff", "writes"},
		{wire.KindAppend, "91dc2000", "as many writes as an append may have"},
		{wire.KindAppended, "94dc2000", "as many answers to writes"},
		{wire.KindRead, "929ca0a0c2c0dc1000", "as many types as a query may have"},
		{wire.KindAppend, "919193a1619100ddffffffff", "records"},
		{wire.KindAppend, "919193a161910091c6ffffffff", "a record"},
		{wire.KindEvents, "91ddffffffff", "items"},
		{wire.KindEvents, "9191dbffffffff", "an item"},
		{wire.KindStreamList, "91ddffffffff", "streams"},
		{wire.KindVerified, "960000000000ddffffffff", "faults"},
		{wire.KindDeliveries, "91ddffffffff", "deliveries"},
		{wire.KindDeliveries, "91cd8000", "as many deliveries as a frame may have"},
		{wire.KindSettle, "9201ddffffffff", "answers"},
		{wire.KindParkedList, "91ddffffffff", "parked events"},
		{wire.KindGroupList, "91ddffffffff", "groups"},
		{wire.KindPing, "91dbffffffff", "a later string"},
		{wire.KindPing, "91c6ffffffff", "later bytes"},
		{wire.KindPing, "91ddffffffff", "a later array"},
	} {
		body := unhex(t, c.body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := wire.Parse(c.kind, body)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("%s: got %v, want the error %v", c.what, err, firn.ErrInvalid)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<10 {
			t.Errorf("%s: %d bytes of memory were taken for a body of %d", c.what, taken, len(body))
		}
	}
}

// TestNested passes over a later field of arrays inside arrays, as deep as a
// frame can hold them: a reader that recursed would run out of stack.
func TestNested(t *testing.T) {
	body := append([]byte{0x91}, bytes.Repeat([]byte{0x91}, 16<<20-16)...)
	if _, err := wire.Parse(wire.KindPing, body); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("cut short: %v", err)
	}
	if _, err := wire.Parse(wire.KindPing, append(body, 0xc0)); err != nil {
		t.Errorf("whole: %v", err)
	}
}

// TestEmptyBytes: bytes that are empty are written as bytes, not as nil, which
// is another value.
func TestEmptyBytes(t *testing.T) {
	for _, m := range []wire.Message{
		&wire.Change{Stream: "a", ID: someID, Life: firn.Metadata{}},
		&wire.StreamInfo{Info: firn.StreamInfo{Name: "a", State: firn.Live, Metadata: []byte{}}},
		&wire.Report{Faults: []wire.Fault{{}}},
		&wire.Append{Writes: []wire.Write{{Stream: "a", Records: [][]byte{nil}}}},
	} {
		body := m.AppendBody(nil)
		if !bytes.Contains(body, []byte{0xc4, 0}) {
			t.Errorf("%v: %x has no empty bytes", m.Kind(), body)
		}
		if _, err := wire.Parse(m.Kind(), body); err != nil {
			t.Errorf("%v: %v", m.Kind(), err)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
