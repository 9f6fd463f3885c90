package raftlog

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

var rewrite = flag.Bool("raftlog.rewrite", false, "write the vectors anew; an old vector must not change")

const vectorsPath = "testdata/raftlog.txt"

// vector is one block of testdata/raftlog.txt: what, key, value, and for a good
// value what it says, for a bad one why it is refused.
type vector struct {
	name, what string
	key, value []byte
	says       string
	refused    string
}

func (v vector) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nwhat: %s\nkey: %x\nvalue: %x\n", v.name, v.what, v.key, v.value)
	if v.refused != "" {
		fmt.Fprintf(&b, "refused: %s\n", v.refused)
	} else {
		fmt.Fprintf(&b, "says: %s\n", v.says)
	}
	return b.String()
}

// read takes a value apart as the log does.
func (v vector) read() (says string, err error) {
	if v.what == "entry" {
		var e raft.Log
		if err := getEntry(v.key, v.value, &e); err != nil {
			return "", err
		}
		appended := int64(0)
		if !e.AppendedAt.IsZero() {
			appended = e.AppendedAt.UnixNano()
		}
		return fmt.Sprintf("index=%d term=%d type=%d appended=%d extensions=%x data=%x", e.Index, e.Term, e.Type, appended, e.Extensions, e.Data), nil
	}
	payload, err := unseal(v.key, v.value)
	if err != nil {
		return "", err
	}
	if v.what == "sealed" {
		return fmt.Sprintf("payload=%x", payload), nil
	}
	m, err := parseRecord(payload)
	if err != nil {
		return "", err
	}
	says = fmt.Sprintf("index=%d term=%d configuration=%d", m.Index, m.Term, m.ConfigurationIndex)
	for _, s := range m.Configuration.Servers {
		says += fmt.Sprintf(" server=%d,%s,%s", s.Suffrage, s.ID, s.Address)
	}
	return says, nil
}

func good() (all []vector) {
	entry := func(name string, e *raft.Log) {
		key, value := entryKey(e.Index), make([]byte, entryBytes(e))
		putEntry(key, value, e)
		all = append(all, vector{name: name, what: "entry", key: key, value: value})
	}
	entry("the smallest entry", &raft.Log{Index: 1, Term: 1, Type: raft.LogNoop})
	entry("a command", &raft.Log{Index: 42, Term: 7, Data: []byte("hello"), AppendedAt: time.Unix(0, 1772375527123456789)})
	entry("with extensions", &raft.Log{Index: 1<<64 - 2, Term: 1 << 40, Type: raft.LogConfiguration, Data: []byte{0}, Extensions: []byte{1, 2}})
	record := func(name string, key []byte, m raft.SnapshotMeta) {
		payload, err := appendRecord(nil, &m)
		if err != nil {
			panic(err)
		}
		all = append(all, vector{name: name, what: "record", key: key, value: seal(key, payload)})
	}
	record("a snapshot", keySnapshot, raft.SnapshotMeta{Index: 1000, Term: 5, ConfigurationIndex: 3, Configuration: three})
	record("a received image without servers", keyReceived, raft.SnapshotMeta{Index: 1, Term: 1})
	sealed := func(name string, key, payload []byte) {
		all = append(all, vector{name: name, what: "sealed", key: key, value: seal(key, payload)})
	}
	sealed("the format", keyFormat, []byte{formatVersion})
	sealed("the current term", stableKey([]byte(nameCurrentTerm)), be(9))
	sealed("a vote's candidate", stableKey([]byte(nameVoteCand)), []byte("n1:7410"))
	sealed("the number of the last batch", keyCount, be(77))
	sealed("the file tail", []byte(tailName), be(77))
	return all
}

func bad() (all []vector) {
	g := good()
	change := func(name string, v vector, f func([]byte) []byte) {
		v.name, v.value = name, f(append([]byte{}, v.value...))
		all = append(all, v)
	}
	resealed := func(v vector, payload []byte) []byte {
		body := append([]byte{}, payload...)
		crc := checksum(v.key, body)
		return append(body, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	change("an entry with a flipped bit", g[1], flip)
	change("an entry cut short", g[1], func(b []byte) []byte { return b[:20] })
	change("an entry of another version", g[1], func(b []byte) []byte { b[0] = 2; return resealed(g[1], b[:len(b)-4]) })
	change("an entry whose lengths are too large", g[1], func(b []byte) []byte { b[18] = 0xff; return resealed(g[1], b[:len(b)-4]) })
	other := g[1]
	other.key = entryKey(43)
	change("an entry under another index", other, func(b []byte) []byte { return b })
	change("a record with a flipped bit", g[3], flip)
	change("a record cut short", g[3], func(b []byte) []byte { return resealed(g[3], b[:40]) })
	change("a record with bytes left over", g[3], func(b []byte) []byte { return resealed(g[3], append(b[:len(b)-4], 0)) })
	change("a sealed value of another version", g[6], func(b []byte) []byte { b[0] = 9; return resealed(g[6], b[:len(b)-4]) })
	change("an empty value", g[6], func([]byte) []byte { return nil })
	return all
}

// The bytes on disk are those of the vectors, which any language can read.
func TestVectors(t *testing.T) {
	var want []vector
	for _, v := range good() {
		says, err := v.read()
		must(t, err)
		v.says = says
		want = append(want, v)
	}
	for _, v := range bad() {
		_, err := v.read()
		if err == nil {
			t.Fatalf("%s is not refused", v.name)
		}
		v.refused = err.Error()
		want = append(want, v)
	}
	if *rewrite {
		var b strings.Builder
		for _, v := range want {
			b.WriteString(v.String() + "\n")
		}
		must(t, os.WriteFile(filepath.FromSlash(vectorsPath), []byte(b.String()), 0o644))
	}
	got := readVectors(t)
	if len(got) != len(want) {
		t.Fatalf("%s has %d vectors, the code makes %d", vectorsPath, len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i].String(), want[i].String()) {
			t.Errorf("the vector is\n%s\nthe code makes\n%s", got[i], want[i])
		}
	}
}

func readVectors(t *testing.T) (all []vector) {
	t.Helper()
	f, err := os.Open(filepath.FromSlash(vectorsPath))
	must(t, err)
	defer f.Close()
	var v vector
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		var err error
		switch key {
		case "name":
			v.name = value
		case "what":
			v.what = value
		case "key":
			v.key, err = hex.DecodeString(value)
		case "value":
			v.value, err = hex.DecodeString(value)
		case "says":
			v.says = value
		case "refused":
			v.refused = value
		case "":
			all = append(all, v)
			v = vector{}
		default:
			t.Fatalf("%s: %q", vectorsPath, lines.Text())
		}
		must(t, err)
	}
	must(t, lines.Err())
	return all
}

// No bytes make the decoders panic, and what they accept is written back as the
// same bytes.
func FuzzDecoders(f *testing.F) {
	for _, v := range append(good(), bad()...) {
		f.Add(v.key, v.value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		var e raft.Log
		if len(key) == entryKeyBytes && getEntry(key, value, &e) == nil {
			again := make([]byte, entryBytes(&e))
			putEntry(key, again, &e)
			if string(again) != string(value) {
				t.Errorf("entry %x is written back as %x", value, again)
			}
		}
		if m, err := parseRecord(value); err == nil {
			again, err := appendRecord(nil, &m)
			if err != nil || string(again) != string(value) {
				t.Errorf("record %x is written back as %x, %v", value, again, err)
			}
		}
		if payload, err := unseal(key, value); err == nil && string(seal(key, payload)) != string(value) {
			t.Errorf("sealed %x is written back otherwise", value)
		}
	})
}
