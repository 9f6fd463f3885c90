package peer

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/firndb/firn"
)

var rewrite = flag.Bool("peer.rewrite", false, "write the vectors anew; an old vector must not change")

const vectorsPath = "testdata/peer.txt"

// vector is one block of testdata/peer.txt: the bytes of a message, and what it
// says or why it is refused.
type vector struct {
	name, what string
	bytes      []byte
}

// read takes a message apart as a port does.
func (v vector) read() (says string, err error) {
	r := bytes.NewReader(v.bytes)
	switch v.what {
	case "hello":
		body, err := readFrame(r, helloBytesMax)
		if err != nil {
			return "", err
		}
		h, err := parseHello(body)
		if err != nil {
			return "", err
		}
		says = fmt.Sprintf("purpose=%d cluster=%v history=%v from=%s to=%s", h.purpose, h.identity.Cluster, h.identity.History, h.from, h.to)
	case "welcome":
		body, err := readFrame(r, welcomeBytesMax)
		if err != nil {
			return "", err
		}
		w, err := parseWelcome(body)
		if err != nil {
			return "", err
		}
		says = fmt.Sprintf("cluster=%v history=%v node=%s", w.identity.Cluster, w.identity.History, w.node)
		if w.refusal != nil {
			says += fmt.Sprintf(" refused=%v reason=%s", w.refusal.Kind, w.refusal.Message)
		}
	default:
		tag, left, body, err := readCall(r, func() {})
		if err != nil {
			return "", err
		}
		says = fmt.Sprintf("tag=%d left=%d body=%x", tag, left, body)
		if v.what == "answer" && tag == statusError {
			e := parseError(body)
			says += fmt.Sprintf(" kind=%v leader=%s message=%s", e.Kind, e.Leader, e.Message)
		}
	}
	if r.Len() != 0 {
		return "", fmt.Errorf("%d bytes were not read", r.Len())
	}
	return says, nil
}

func vectors() []vector {
	id := Identity{Cluster: firn.ID{1, 2, 3}, History: firn.ID{4, 5, 6}}
	raft := frame(hello{purposeRaft, id, "n1", "n2"}.append(nil))
	call := callFrame(3, 1500, []byte("hello"))
	change := func(b []byte, at int, to byte) []byte {
		b = bytes.Clone(b)
		b[at] = to
		return b
	}
	return []vector{
		{"Raft", "hello", raft},
		{"calls, of a fresh node, to any node", "hello", frame(hello{purposeCall, Identity{}, "n1", ""}.append(nil))},
		{"accepted", "welcome", frame(welcome{nil, id, "n2"}.append(nil))},
		{"another cluster", "welcome", frame(welcome{firn.Errorf(firn.ErrForbidden, "no"), id, "n2"}.append(nil))},
		{"a call", "request", call},
		{"a call without limit or body", "request", callFrame(255, 0, nil)},
		{"done", "answer", callFrame(statusDone, 0, []byte("world"))},
		{"not the leader", "answer", callFrame(statusError, 0, appendError(nil, &firn.Error{Kind: firn.ErrNotLeader, Leader: "h:7400", Message: "ask there"}))},
		{"an error of a handler's own", "answer", callFrame(statusError, 0, appendError(nil, io.ErrNoProgress))},

		{"another version", "hello", change(raft, 0, 2)},
		{"a flipped bit", "hello", change(raft, 20, raft[20]^1)},
		{"a hello that is too long", "hello", []byte{1, 0xff, 0xff}},
		{"a hello that is too short", "hello", []byte{1, 0, 3}},
		{"a hello that is cut off", "hello", raft[:len(raft)-1]},
		{"nobody says hello", "hello", frame(hello{purposeRaft, id, "", "n2"}.append(nil))},
		{"a name that is too long", "hello", frame(hello{purposeRaft, id, strings.Repeat("n", 65), "n2"}.append(nil)[:100])},
		{"a welcome with bytes left over", "welcome", frame(append(welcome{nil, id, "n2"}.append(nil), 0))},
		{"a call of 4 GiB", "request", []byte{1, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}},
		{"a call with a flipped bit", "request", change(call, 12, call[12]^1)},
		{"a call of another version", "request", change(call, 0, 9)},
	}
}

// The bytes on the wire are those of the vectors, which any language can read.
func TestVectors(t *testing.T) {
	var b strings.Builder
	for _, v := range vectors() {
		fmt.Fprintf(&b, "name: %s\nwhat: %s\nbytes: %x\n", v.name, v.what, v.bytes)
		if says, err := v.read(); err != nil {
			fmt.Fprintf(&b, "refused: %s\n\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		} else {
			fmt.Fprintf(&b, "says: %s\n\n", says)
		}
	}
	if *rewrite {
		if err := os.WriteFile(vectorsPath, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	want, got := bufio.NewScanner(bytes.NewReader(file)), bufio.NewScanner(strings.NewReader(b.String()))
	for line := 1; want.Scan(); line++ {
		if !got.Scan() || got.Text() != want.Text() {
			t.Fatalf("%s:%d: %q, the code makes %q", vectorsPath, line, want.Text(), got.Text())
		}
	}
	if got.Scan() {
		t.Fatalf("%s lacks %q", vectorsPath, got.Text())
	}
}

// No bytes make the decoders panic or take more memory than their limits, and
// bad bytes are told from a connection that ended.
func FuzzMessages(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.bytes)
	}
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, what := range []string{"hello", "welcome", "request", "answer"} {
			_, err := vector{what: what, bytes: b}.read()
			var bad *firn.Error
			if err != nil && !errors.As(err, &bad) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "were not read") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if h, err := parseHello(b); err == nil && !bytes.Equal(h.append(nil), b) {
			t.Errorf("the hello %x is written back as %x", b, h.append(nil))
		}
	})
}
