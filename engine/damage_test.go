package engine_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// A damaged table does not travel: neither does it leave, nor is it taken where
// it was sent all the same, with the hash of its damaged bytes.
func TestDamageIsNotHandedOn(t *testing.T) {
	s := filled(t, 40)
	info, err := s.Engine().Checkpoint("copy")
	if err != nil {
		t.Fatal(err)
	}
	table := flipInTable(t, s.FS(), "copy", "copy")
	var image bytes.Buffer
	if err := engine.WriteImage(s.FS(), "copy", info, engine.ImageOptions{}, &image); !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), table) {
		t.Errorf("sending it: %v", err)
	}
	image.Reset()
	if err := engine.WriteUnchecked(s.FS(), "copy", info, &image); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.ReceiveImage(vfs.NewMem(), "other", &image); !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), table) {
		t.Errorf("receiving it: %v", err)
	}
}

// Scrubbing reads all of a store past its caches, at the pace that it is told,
// and names the file and the events that damage concerns. Nothing is left behind.
func TestScrub(t *testing.T) {
	s := filled(t, 100)
	if _, _, err := s.Engine().Flush(); err != nil {
		t.Fatal(err)
	}
	fs := s.FS().CrashClone(vfs.CrashCloneCfg{})
	var told []error
	e, err := engine.Open("engine", engine.Options{FS: fs, OnDamage: func(err error) { told = append(told, err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	paced := 0
	report, err := e.Scrub(t.Context(), "scrub", func(bytes int) error { paced += bytes; return nil })
	if err != nil || len(report.Faults) > 0 || report.Events == 0 {
		t.Fatalf("scrubbing a whole store: %v, %+v", err, report)
	}
	if stats, err := e.Stats(); err != nil || uint64(paced) < stats.DiskBytes {
		t.Errorf("%d bytes were read of a store of %d (%v)", paced, stats.DiskBytes, err)
	}
	if _, err := e.Checkpoint("copy"); err != nil {
		t.Fatal(err)
	}
	table := flipInTable(t, fs, "copy", "engine/data")
	report, err = e.Scrub(t.Context(), "scrub", nil)
	named := slices.ContainsFunc(report.Faults, func(f engine.Fault) bool { return strings.Contains(f.Text, "engine/data/"+table) })
	placed := slices.ContainsFunc(report.Faults, func(f engine.Fault) bool { return f.Position > 0 && strings.Contains(f.Text, "positions ") })
	if err != nil || !named || !placed {
		t.Errorf("scrubbing a damaged store: %v, %+v", err, report.Faults)
	}
	if len(told) > 0 {
		t.Errorf("readers of the store came upon %v", told)
	}
	if names, err := fs.List(""); err != nil || slices.Contains(names, "scrub") {
		t.Errorf("left behind: %q, %v", names, err)
	}
	stop := errors.New("stop")
	if _, err := e.Scrub(t.Context(), "scrub", func(int) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a pace that ends the reading: %v", err)
	}
}

// flipInTable flips a bit at the beginning of a table in a directory: the largest
// one of a checkpoint, which has only such as are in use.
func flipInTable(t *testing.T, fs vfs.FS, checkpoint, dir string) (name string) {
	t.Helper()
	names, err := fs.List(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for _, candidate := range names {
		if !strings.HasSuffix(candidate, ".sst") {
			continue
		}
		f, err := fs.Open(fs.PathJoin(checkpoint, candidate))
		if err != nil {
			t.Fatal(err)
		}
		held, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if len(held) > len(b) {
			name, b = candidate, held
		}
	}
	if name == "" {
		t.Fatalf("there is no table in %s", checkpoint)
	}
	b[20] ^= 4
	f, err := fs.Create(fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}
