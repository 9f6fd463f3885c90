package raftlog

import (
	"errors"
	"os"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
)

// What Raft expects of a log store, call by call.
func TestEntries(t *testing.T) {
	l := open(t, vfs.NewMem())
	if got := bounds(t, l); got != [2]uint64{0, 0} {
		t.Errorf("an empty log has the bounds %v", got)
	}
	var e raft.Log
	if err := l.GetLog(1, &e); err != raft.ErrLogNotFound {
		t.Errorf("an entry of an empty log: %v; Raft compares with ==", err)
	}
	must(t, l.DeleteRange(1, 10))
	must(t, l.StoreLogs(nil))

	full := &raft.Log{
		Index: 1, Term: 3, Type: raft.LogConfiguration, Data: []byte("data"), Extensions: []byte("more"),
		AppendedAt: time.Date(2026, 3, 1, 14, 32, 7, 123456789, time.UTC),
	}
	must(t, l.StoreLog(full))
	must(t, l.StoreLogs(entries(2, 10, 3)))
	must(t, l.GetLog(1, &e))
	if !reflect.DeepEqual(&e, full) {
		t.Errorf("read %+v, stored %+v", e, full)
	}
	must(t, l.GetLog(10, &e))
	if string(e.Data) != "10@3" || e.Extensions != nil || !e.AppendedAt.IsZero() {
		t.Errorf("read %+v", e)
	}
	if err := l.GetLog(11, &e); err != raft.ErrLogNotFound {
		t.Errorf("behind the log: %v", err)
	}

	// A new leader truncates what differs and goes on.
	must(t, l.DeleteRange(8, 10))
	if got := bounds(t, l); got != [2]uint64{1, 7} {
		t.Errorf("bounds %v after a truncation", got)
	}
	must(t, l.StoreLogs(entries(8, 9, 4)))
	must(t, l.GetLog(8, &e))
	if e.Term != 4 {
		t.Errorf("entry 8 is of term %d after it was replaced", e.Term)
	}

	// A snapshot lets go of the beginning.
	snapshotAt(t, l, 6, 3)
	must(t, l.DeleteRange(1, 5))
	if got := bounds(t, l); got != [2]uint64{6, 9} {
		t.Errorf("bounds %v after a compaction", got)
	}
	if err := l.GetLog(5, &e); err != raft.ErrLogNotFound {
		t.Errorf("before the log: %v", err)
	}
	snapshotAt(t, l, 9, 4)
	must(t, l.DeleteRange(6, 9))
	if got := bounds(t, l); got != [2]uint64{0, 0} {
		t.Errorf("bounds %v after all entries are gone", got)
	}
	must(t, l.StoreLogs(entries(10, 12, 4)))
	if got := bounds(t, l); got != [2]uint64{10, 12} {
		t.Errorf("bounds %v", got)
	}
}

// What would leave a hole is refused, and changes nothing.
func TestHolesAreRefused(t *testing.T) {
	l := open(t, vfs.NewMem())
	must(t, l.StoreLogs(entries(1, 10, 1)))
	snapshotAt(t, l, 5, 1)
	before := contents(t, l)
	for name, err := range map[string]error{
		"an entry after a gap":            l.StoreLogs(entries(12, 12, 1)),
		"an entry again":                  l.StoreLogs(entries(10, 11, 1)),
		"a gap within a batch":            l.StoreLogs(append(entries(11, 12, 1), entries(14, 14, 1)...)),
		"removing the middle":             l.DeleteRange(3, 7),
		"removing more than the snapshot": l.DeleteRange(1, 6),
	} {
		if !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
	if after := contents(t, l); after != before {
		t.Errorf("the log changed:\n%s\nbefore:\n%s", after, before)
	}
}

func TestDirectoryInUse(t *testing.T) {
	for name, c := range map[string]struct {
		fs  vfs.FS
		dir string
	}{"in memory": {vfs.NewMem(), dir}, "on disk": {vfs.Default, t.TempDir()}} {
		opts := Options{FS: c.fs, OnFatal: func(err error) { t.Error(err) }}
		l, err := Open(c.dir, opts)
		must(t, err)
		if _, err := Open(c.dir, opts); !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("%s, opened twice: %v", name, err)
		}
		must(t, l.Close())
		must(t, l.Close())
		if err := l.StoreLogs(entries(1, 1, 1)); !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("%s, a write after Close: %v", name, err)
		}
		l, err = Open(c.dir, opts)
		must(t, err)
		must(t, l.Close())
	}
}

func TestIndexForBytes(t *testing.T) {
	l := open(t, vfs.NewMem())
	if got := l.IndexForBytes(1 << 20); got != 0 {
		t.Errorf("an empty log: %d", got)
	}
	const each = 10_000
	for index := uint64(1); index <= 1000; index++ {
		must(t, l.StoreLog(&raft.Log{Index: index, Term: 1, Data: noise(each-entryOverhead, index)}))
	}
	hold := func(when string, first, last uint64) {
		t.Helper()
		if got, want := l.Bytes(), each*(last-first+1); got > want+2*markEvery || got+2*markEvery < want {
			t.Errorf("%s: about %d bytes, there are %d", when, got, want)
		}
		for _, limit := range []uint64{0, 1, 100_000, 1_000_000, 5_000_000, 100_000_000} {
			index := l.IndexForBytes(limit)
			if index < first || index > last+1 {
				t.Errorf("%s: index %d for %d bytes, outside %d to %d", when, index, limit, first, last+1)
			}
			if kept := each * (last + 1 - index); kept > limit+2*markEvery {
				t.Errorf("%s: %d bytes from index %d on, the limit is %d", when, kept, index, limit)
			}
			if index > first && each*(last+1-index)+2*markEvery < limit {
				t.Errorf("%s: index %d leaves out more than it must for %d bytes", when, index, limit)
			}
		}
	}
	hold("all", 1, 1000)
	snapshotAt(t, l, 500, 1)
	must(t, l.DeleteRange(1, 300))
	hold("without the beginning", 301, 1000)
	must(t, l.DeleteRange(900, 1000))
	hold("without the end", 301, 899)
	must(t, l.StoreLogs(entries(900, 900, 2)))
	must(t, l.StoreLogs([]*raft.Log{{Index: 901, Term: 2, Data: noise(8<<20, 1)}}))
	if got := l.IndexForBytes(1 << 20); got != 902 {
		t.Errorf("a last entry of 8 MiB against a limit of 1 MiB: index %d, want 902", got)
	}
	if got := l.IndexForBytes(9 << 20); got < 780 || got > 901 {
		t.Errorf("a last entry of 8 MiB against a limit of 9 MiB: index %d", got)
	}
}

// What a compaction lets go of is given back to the disk soon, although nothing
// else is written.
func TestRemovedEntriesFreeTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		l, err := Open(dir, Options{FS: fs, OnFatal: func(err error) { t.Error(err) }, MemTableBytes: 1 << 20})
		must(t, err)
		for index := uint64(1); index <= 300; index++ {
			must(t, l.StoreLog(&raft.Log{Index: index, Term: 1, Data: noise(64<<10, index)}))
		}
		before := diskBytes(t, fs)
		snapshotAt(t, l, 290, 1)
		must(t, l.DeleteRange(1, 280))
		time.Sleep(time.Minute) // virtual
		if after := diskBytes(t, fs); before < 18<<20 || after > 10<<20 {
			t.Errorf("300 entries of 64 KiB take %d bytes, 20 of them %d", before, after)
		}
		must(t, l.Close())
	})
}

func diskBytes(t *testing.T, fs vfs.FS) (bytes int64) {
	t.Helper()
	names, err := fs.List(dir)
	must(t, err)
	for _, name := range names {
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // Pebble has removed it just now
		}
		must(t, err)
		bytes += info.Size()
	}
	return bytes
}
