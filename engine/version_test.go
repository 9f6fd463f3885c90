package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// TestStoreOfALaterVersion moves a store to a cluster version that this release
// does not know, as a later one would. This one then refuses it, and stops before
// the entry that would move it there.
func TestStoreOfALaterVersion(t *testing.T) {
	fs := vfs.NewMem()
	open := func(knows uint64) (*Engine, error) {
		return Open("d", Options{FS: fs, CacheBytes: 8 << 20, Knows: knows, OnFatal: func(error) {}})
	}
	entry := func(index, to uint64) []Entry {
		return []Entry{{Index: index, Term: 1, Data: command.AppendEntry(nil, 1, command.AppendItem(nil, &command.Version{To: to}))}}
	}
	const next = command.VersionNow + 1
	e, err := open(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Apply(entry(1, command.VersionNow)); err != nil || e.Knows() != command.VersionNow || e.ClusterVersion() != command.VersionNow {
		t.Fatalf("version %d of %d: %v", e.ClusterVersion(), e.Knows(), err)
	}
	if _, err := e.Apply(entry(2, next)); !errors.Is(err, command.ErrUnknownKind) || !strings.Contains(err.Error(), "moves the cluster to version 2, this release knows 1") {
		t.Errorf("an entry that moves to version %d: %v", next, err)
	}
	if index, _ := e.Applied(); index != 1 || e.ClusterVersion() != command.VersionNow {
		t.Errorf("it went on to entry %d, version %d", index, e.ClusterVersion())
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	if e, err = open(next); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Apply(entry(2, next)); err != nil || e.ClusterVersion() != next {
		t.Errorf("version %d: %v", e.ClusterVersion(), err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = open(0); !errors.Is(err, firn.ErrUnsupported) || !strings.Contains(err.Error(), "at cluster version 2, this release knows 1") {
		t.Errorf("opened by a release before it: %v", err)
	}
	if e, err = open(next); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
