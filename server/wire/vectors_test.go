package wire_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

var update = flag.Bool("update", false, "write the vectors in testdata instead of comparing them; those that were released never change")

// TestVectors holds the samples against the files in testdata, and those
// against the samples.
func TestVectors(t *testing.T) {
	want := map[string][]byte{}
	for _, s := range samples() {
		want[s.name] = goodVector(t, s)
	}
	for _, b := range bads() {
		want[b.name] = badVector(t, b)
	}
	for name, text := range want {
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, text) {
			t.Errorf("%s:\n got %s\nwant %s", path, got, text)
		}
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(want) {
		t.Errorf("testdata holds %d vectors (%v), the samples are %d", len(files), err, len(want))
	}
}

func goodVector(t *testing.T, s sample) []byte {
	frame := wire.AppendFrame(nil, s.call, s.message)
	var b bytes.Buffer
	fmt.Fprintf(&b, "message: %v\nkind: %d\ncall: %d\nbody: %s\n\n", s.message.Kind(), s.message.Kind(), s.call, notation(t, frame[wire.HeaderBytes:]))
	writeHex(&b, frame)
	return b.Bytes()
}

func badVector(t *testing.T, v bad) []byte {
	frame, err := hex.DecodeString(strings.ReplaceAll(v.hex, " ", ""))
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "error: %v\nwhy: %s\n\n", v.kind, v.why)
	writeHex(&b, frame)
	return b.Bytes()
}

func writeHex(b *bytes.Buffer, frame []byte) {
	for len(frame) > 0 {
		n := min(len(frame), 32)
		fmt.Fprintf(b, "%x\n", frame[:n])
		frame = frame[n:]
	}
}

// notation prints a body as the MessagePack library reads it by itself, knowing
// nothing of messages: JSON, with bytes as h'…'.
func notation(t *testing.T, body []byte) string {
	d := msgpack.NewDecoder(bytes.NewReader(body))
	v, err := d.DecodeInterfaceLoose()
	if err != nil {
		t.Fatalf("body %x: %v", body, err)
	}
	if rest, err := d.Buffered().Read(make([]byte, 1)); rest > 0 {
		t.Fatalf("body %x: bytes are left over (%v)", body, err)
	}
	var b strings.Builder
	printValue(&b, v)
	return b.String()
}

func printValue(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case []any:
		b.WriteByte('[')
		for i := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			printValue(b, v[i])
		}
		b.WriteByte(']')
	case string:
		fmt.Fprintf(b, "%q", v)
	case []byte:
		fmt.Fprintf(b, "h'%x'", v)
	default:
		fmt.Fprint(b, v)
	}
}

// readVector returns a vector's keys and its bytes.
func readVector(t testing.TB, path string) (keys map[string]string, frame []byte) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		t.Fatalf("%s has no blank line", path)
	}
	keys = map[string]string{}
	for line := range strings.Lines(head) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok {
			t.Fatalf("%s: %q is not key: value", path, line)
		}
		keys[key] = value
	}
	frame, err = hex.DecodeString(strings.ReplaceAll(body, "\n", ""))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return keys, frame
}

// read does what a side of a connection does with a frame.
func read(frame []byte) (wire.Header, wire.Message, error) {
	r := bufio.NewReader(bytes.NewReader(frame))
	h, err := wire.ReadHeader(r)
	if err != nil {
		return h, nil, err
	}
	limits := wire.DefaultLimits()
	if err := limits.CheckFrame(h); err != nil {
		return h, nil, err
	}
	body := frame[wire.HeaderBytes:]
	if len(body) != h.BodyBytes {
		return h, nil, fmt.Errorf("the header says %d bytes of body, there are %d", h.BodyBytes, len(body))
	}
	m, err := wire.Parse(h.Kind, body)
	return h, m, err
}

// TestReadVectors reads each vector as another language's client would.
func TestReadVectors(t *testing.T) {
	byName := map[string]sample{}
	for _, s := range samples() {
		byName[s.name] = s
	}
	kinds := map[wire.Kind]bool{}
	files, _ := filepath.Glob("testdata/*.txt")
	for _, path := range files {
		keys, frame := readVector(t, path)
		h, m, err := read(frame)
		if want := keys["error"]; want != "" {
			var e *firn.Error
			if !errors.As(err, &e) || e.Kind.String() != want {
				t.Errorf("%s: got %v, want the error %s", path, err, want)
			}
			continue
		}
		s := byName[strings.TrimSuffix(filepath.Base(path), ".txt")]
		if err != nil || h.Call != s.call || !reflect.DeepEqual(m, s.message) {
			t.Errorf("%s:\n got %+v (call %d, %v)\nwant %+v", path, m, h.Call, err, s.message)
			continue
		}
		if again := wire.AppendFrame(nil, h.Call, m); !bytes.Equal(again, frame) {
			t.Errorf("%s: encoded again it is %x", path, again)
		}
		kinds[h.Kind] = true
	}
	for _, k := range wire.Kinds() {
		if !kinds[k] {
			t.Errorf("no vector has kind %d, %v", k, k)
		}
	}
}

// TestShorterAndLonger cuts every good frame's body at every byte, and lets
// every body grow at its end as a later release might.
func TestShorterAndLonger(t *testing.T) {
	for _, s := range samples() {
		body := s.message.AppendBody(nil)
		for n := range body {
			if _, err := wire.Parse(s.message.Kind(), body[:n]); !errors.Is(err, firn.ErrInvalid) {
				t.Errorf("%s cut to %d bytes of %d: got %v, want %v", s.name, n, len(body), err, firn.ErrInvalid)
			}
		}
		if body[0]&0xf0 != 0x90 || body[0] == 0x9f {
			t.Fatalf("%s begins with %02x, not with a short array", s.name, body[0])
		}
		longer := append([]byte{body[0] + 1}, body[1:]...)
		longer = append(longer, 0x92, 0xa1, 'x', 0x91, 0xc4, 0x02, 1, 2) // ["x", [h'0102']]
		m, err := wire.Parse(s.message.Kind(), longer)
		if err != nil || !reflect.DeepEqual(m, s.message) {
			t.Errorf("%s with a later field: got %+v (%v), want %+v", s.name, m, err, s.message)
		}
	}
}
