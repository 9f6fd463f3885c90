package record_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/enginetest/vector"
	"github.com/firndb/firn/engine/record"
)

var id = firn.ID{0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0x57}

func drafts() map[string]firn.Draft {
	return map[string]firn.Draft{
		"least":        {ID: id, Type: "T"},
		"usual":        {ID: id, Type: "OrderPlaced", Schema: 1, Data: []byte(`{"total":100.10}`)},
		"metadata":     {ID: id, Type: "OrderPlaced", Data: []byte(`{}`), Metadata: []byte(`{"user":"ann"}`)},
		"content-type": {ID: id, Type: "Scanned", ContentType: "image/png", Data: []byte{0x89, 'P', 'N', 'G', 0}},
		"traced":       {ID: id, Type: "Paid", CorrelationID: "order-7", CausationID: "pay-7"},
		"occurred":     {ID: id, Type: "Measured", Occurred: time.UnixMicro(1_772_000_000_123_456)},
		"before-1970":  {ID: id, Type: "Born", Occurred: time.UnixMicro(-1)},
		"everything": {ID: id, Type: "Größe", Schema: 1<<32 - 1, ContentType: "text/plain; charset=utf-8", Data: []byte("data"),
			Metadata: []byte("meta"), CorrelationID: "c", CausationID: "ca", Occurred: time.UnixMicro(1)},
		"long-lengths": {ID: id, Type: strings.Repeat("t", 255), Data: []byte(strings.Repeat("d", 300))},
	}
}

// sealed puts the right checksum behind bytes, so that what else is wrong with
// them is reached.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b[:len(b):len(b)], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// with returns a draft's bytes, changed, under a right checksum.
func with(change func(body []byte) []byte) []byte {
	d := firn.Draft{ID: id, Type: "T", Data: []byte("d")}
	b := record.AppendDraft(nil, &d)
	return sealed(change(b[:len(b)-4]))
}

func flagged(flag byte, rest ...byte) []byte {
	return with(func(b []byte) []byte {
		b[1] = flag
		return append(b[:21:21], append(rest, 1, 'd')...) // version, flags, id, schema, type
	})
}

func badDrafts() map[string][]byte {
	usual := record.AppendDraft(nil, &firn.Draft{ID: id, Type: "T", Data: []byte("d")})
	broken := append([]byte(nil), usual...)
	broken[20] ^= 1
	return map[string][]byte{
		"bad-empty":              {},
		"bad-cut-short":          usual[:len(usual)-1],
		"bad-checksum":           broken,
		"bad-version":            with(func(b []byte) []byte { b[0] = 2; return b }),
		"bad-flag":               with(func(b []byte) []byte { b[1] = 0x40; return b }),
		"bad-number-not-short":   with(func(b []byte) []byte { return append(append(b[:18:18], 0x80, 0x00), b[19:]...) }),
		"bad-schema-33-bits":     with(func(b []byte) []byte { return append(append(b[:18:18], 0x80, 0x80, 0x80, 0x80, 0x10), b[19:]...) }),
		"bad-length":             with(func(b []byte) []byte { b[19] = 100; return b }),
		"bad-bytes-behind":       with(func(b []byte) []byte { return append(b, 0) }),
		"bad-empty-correlation":  flagged(0x02, 0),
		"bad-json-said":          flagged(0x01, append([]byte{16}, firn.JSON...)...),
		"bad-fields-none":        with(func(b []byte) []byte { b[1] = 0x20; return append(b, 0) }),
		"bad-fields-not-growing": with(func(b []byte) []byte { b[1] = 0x20; return append(b, 2, 5, 1, 'x', 5, 1, 'y') }),
	}
}

func TestDraftVectors(t *testing.T) {
	var made []vector.Vector
	for name, d := range drafts() {
		b := record.AppendDraft(nil, &d)
		parsed, err := record.ParseDraft(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		made = append(made, draftVector(name, &parsed, b))
	}
	withFields := with(func(b []byte) []byte { b[1] = 0x20; return append(b, 2, 1, 1, 'x', 9, 0) })
	parsed, err := record.ParseDraft(withFields)
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, draftVector("further-fields", &parsed, withFields))
	for name, b := range badDrafts() {
		_, err := record.ParseDraft(b)
		made = append(made, vector.Vector{Name: name, Fields: []vector.Field{vector.Expect(kind(err))}, Bytes: b})
	}
	vector.Check(t, "testdata/draft", made)
}

func draftVector(name string, d *record.Draft, b []byte) vector.Vector {
	fields := []vector.Field{
		vector.Expect("ok"), vector.F("id", d.ID), vector.F("schema", d.Schema), vector.F("type", d.Type), vector.F("content type", d.ContentType),
		vector.F("correlation", d.CorrelationID), vector.F("causation", d.CausationID),
	}
	if d.HasOccurred {
		fields = append(fields, vector.F("occurred", d.Occurred))
	}
	fields = append(fields, vector.F("metadata", d.Metadata), vector.F("data", d.Data))
	return vector.Vector{Name: name, Fields: fields, Bytes: b}
}

const stream = "order-42"

func nodes() map[string]record.Node {
	digest := record.DigestOf([]byte("client part"))
	return map[string]record.Node{
		"first":  {Position: 1, Revision: 0, Time: 1_772_000_000_000_000, Count: 1, Digest: digest},
		"placed": {Position: 300, Revision: 129, Time: 1_772_000_000_000_001, Index: 2, Count: 3, Digest: digest},
		"actor":  {Position: 1 << 40, Revision: 1 << 33, Time: 1, Count: 1, Actor: []byte("ann"), Digest: digest},
		"both":   {Position: 7, Revision: 6, Time: 0, Index: 0, Count: 2, Actor: []byte("b"), Digest: digest},
	}
}

func badNodes() map[string][]byte {
	n := nodes()["first"]
	good := record.AppendNode(nil, stream, &n)
	change := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return b
	}
	return map[string][]byte{
		"bad-empty":        {},
		"bad-version":      change(0, 0x20),
		"bad-flag":         change(0, 0x14),
		"bad-checksum":     change(1, 2),
		"bad-cut-short":    good[:len(good)-1],
		"bad-other-stream": record.AppendNode(nil, "order-43", &n),
	}
}

func TestNodeVectors(t *testing.T) {
	var made []vector.Vector
	for name, n := range nodes() {
		b := append(record.AppendNode(nil, stream, &n), "client part"...)
		parsed, client, err := record.ParseNode(stream, b)
		if err != nil || string(client) != "client part" {
			t.Errorf("%s: %v, behind it %q", name, err, client)
		}
		made = append(made, vector.Vector{Name: name, Bytes: b, Fields: []vector.Field{
			vector.Expect("ok"), vector.F("stream", stream), vector.F("position", parsed.Position), vector.F("revision", parsed.Revision),
			vector.F("time", parsed.Time), vector.F("index", parsed.Index), vector.F("count", parsed.Count), vector.F("actor", parsed.Actor),
			vector.F("client part", client),
		}})
	}
	for name, b := range badNodes() {
		_, _, err := record.ParseNode(stream, b)
		made = append(made, vector.Vector{Name: name, Fields: []vector.Field{vector.Expect(kind(err)), vector.F("stream", stream)}, Bytes: b})
	}
	vector.Check(t, "testdata/node", made)
}

func kind(err error) string {
	var e *firn.Error
	if errors.As(err, &e) {
		return e.Kind.String()
	}
	return "ok"
}

// The record that both parts make is the event again.
func TestEncodeIsTheInverseOfEvent(t *testing.T) {
	var decoder record.Decoder
	for name, d := range drafts() {
		e := firn.Event{
			Stream: stream, Revision: 3, Position: 9, Time: record.Time(5), ID: d.ID, Type: d.Type, Schema: d.Schema, ContentType: d.ContentType,
			Data: d.Data, Metadata: d.Metadata, CorrelationID: d.CorrelationID, CausationID: d.CausationID, Occurred: d.Occurred, Count: 1,
		}
		b := record.Encode(&e)
		again, err := decoder.Event(stream, b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if second := record.Encode(&again); string(second) != string(b) {
			t.Errorf("%s: encoded again it is %x, was %x", name, second, b)
		}
	}
}

// What an event costs beside its type, data and metadata.
func TestOverheadIsAtMost64Bytes(t *testing.T) {
	d := firn.Draft{ID: id, Type: "OrderPlaced", Schema: 127, Data: make([]byte, 256), Metadata: make([]byte, 100)}
	client := record.AppendDraft(nil, &d)
	n := record.Node{Position: 1 << 34, Revision: 1 << 20, Time: 1_772_000_000_000_000, Count: 1}
	if cost := len(record.AppendNode(nil, stream, &n)) + len(client) - len(d.Type) - len(d.Data) - len(d.Metadata); cost > 64 {
		t.Errorf("an event costs %d bytes beside type, data and metadata", cost)
	}
}

func FuzzParseDraft(f *testing.F) {
	for _, d := range drafts() {
		f.Add(record.AppendDraft(nil, &d))
	}
	for _, b := range badDrafts() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sealed(b)} {
			d, err := record.ParseDraft(b)
			if err != nil {
				continue
			}
			_ = d.Check()
			again := firn.Draft{ID: d.ID, Type: string(d.Type), Schema: d.Schema, ContentType: string(d.ContentType), Data: d.Data,
				Metadata: d.Metadata, CorrelationID: string(d.CorrelationID), CausationID: string(d.CausationID)}
			if d.HasOccurred {
				again.Occurred = record.Time(d.Occurred)
			}
			if made := record.AppendDraft(nil, &again); b[1]&0x20 == 0 && string(made) != string(b) {
				t.Errorf("%x was taken, but is encoded as %x", b, made)
			}
		}
	})
}

func FuzzParseNode(f *testing.F) {
	for _, n := range nodes() {
		f.Add(record.AppendNode(nil, stream, &n))
	}
	for _, b := range badNodes() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, client, err := record.ParseNode(stream, b)
		if err != nil {
			return
		}
		if made := append(record.AppendNode(nil, stream, &n), client...); string(made) != string(b) {
			t.Errorf("%x was taken, but is encoded as %x", b, made)
		}
	})
}
