package raftlog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

const dir = "raft"

// open opens the log on a file system. When the test ends, the log is closed,
// opened again, which checks all of it, and must be the same.
func open(t *testing.T, fs vfs.FS) *Log {
	t.Helper()
	l, err := Open(dir, Options{FS: fs, OnFatal: func(err error) { t.Errorf("the log failed: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, fs, l) })
	return l
}

func check(t *testing.T, fs vfs.FS, l *Log) {
	if l.closed {
		return
	}
	want := contents(t, l)
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
		return
	}
	again, err := Open(dir, Options{FS: fs, OnFatal: func(err error) { t.Errorf("the log failed: %v", err) }})
	if err != nil {
		t.Errorf("open the log again: %v", err)
		return
	}
	defer again.Close()
	if got := contents(t, again); got != want {
		t.Errorf("the log changed when it was opened again:\n%s\nbefore:\n%s", got, want)
	}
}

// contents writes down all that a log holds durably.
func contents(t *testing.T, l *Log) string {
	t.Helper()
	text, err := dumpOf(l)
	must(t, err)
	return text
}

func dumpOf(l *Log) (string, error) {
	m := model{entries: map[uint64]string{}, stable: map[string]string{}}
	first, last, err := l.bounds()
	if err != nil {
		return "", err
	}
	for index := first; index <= last && index != 0; index++ {
		e, err := l.Entry(index)
		if err != nil {
			return "", err
		}
		m.entries[index] = entryText(e)
	}
	for name, value := range l.stable.values {
		m.stable[name] = string(value)
	}
	if meta, ok := l.Snapshot(); ok {
		m.snapshot = metaText(meta)
	}
	if _, meta, ok := l.Received(); ok {
		m.received = metaText(meta)
	}
	return m.String(), nil
}

// model is what a log should hold, simple enough to believe.
type model struct {
	entries            map[uint64]string
	stable             map[string]string
	snapshot, received string
}

func (m model) clone() model {
	m.entries, m.stable = maps.Clone(m.entries), maps.Clone(m.stable)
	return m
}

func (m model) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "snapshot %s\nreceived %s\n", m.snapshot, m.received)
	for _, name := range slices.Sorted(maps.Keys(m.stable)) {
		fmt.Fprintf(&b, "%s %q\n", name, m.stable[name])
	}
	for _, index := range slices.Sorted(maps.Keys(m.entries)) {
		fmt.Fprintf(&b, "%d %s\n", index, m.entries[index])
	}
	return b.String()
}

func entryText(e *raft.Log) string {
	data := fmt.Sprintf("%x", e.Data)
	if len(e.Data) > 16 {
		data = fmt.Sprintf("%d bytes, %x", len(e.Data), checksum(nil, e.Data))
	}
	return fmt.Sprintf("%v term %d at %d %s %q", e.Type, e.Term, e.AppendedAt.UnixNano(), data, e.Extensions)
}

func metaText(m raft.SnapshotMeta) string {
	return fmt.Sprintf("%s %d/%d %v@%d", m.ID, m.Term, m.Index, m.Configuration.Servers, m.ConfigurationIndex)
}

var three = raft.Configuration{Servers: []raft.Server{
	{ID: "f", Address: "f"}, {ID: "a", Address: "a"}, {ID: "b", Address: "b", Suffrage: raft.Nonvoter},
}}

// entries makes entries from first to last.
func entries(first, last, term uint64) (made []*raft.Log) {
	for index := first; index <= last; index++ {
		made = append(made, &raft.Log{Index: index, Term: term, Data: fmt.Appendf(nil, "%d@%d", index, term)})
	}
	return made
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// snapshotAt makes a snapshot of the replica's own.
func snapshotAt(t *testing.T, l *Log, index, term uint64) {
	t.Helper()
	sink, err := NewSnapshots(l, nil).Create(raft.SnapshotVersionMax, index, term, three, 1, nil)
	must(t, err)
	sink.(*Sink).Flushed()
	must(t, sink.Close())
}

func bounds(t *testing.T, l *Log) [2]uint64 {
	t.Helper()
	first, err := l.FirstIndex()
	must(t, err)
	last, err := l.LastIndex()
	must(t, err)
	return [2]uint64{first, last}
}

// random data that does not compress.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	return b
}

var recordedAt50 = raft.SnapshotMeta{Index: 50, Term: 1, Configuration: three, ConfigurationIndex: 1}
