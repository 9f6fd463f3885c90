package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/backup"
	"github.com/firndb/firn/engine"
)

// A further backup brings only what none before it has brought, and each is
// what the store was.
func TestTakeSharesFiles(t *testing.T) {
	s, fs := newStore(t), vfs.NewMem()
	first, taking, err := take(t, fs, s.image)
	if err != nil {
		t.Fatal(err)
	}
	if taking.Shared != 0 || taking.Copied != first.Bytes() {
		t.Errorf("the first backup has %d bytes; it copied %d and shared %d", first.Bytes(), taking.Copied, taking.Shared)
	}
	again, taking, err := take(t, fs, s.image)
	if err != nil {
		t.Fatal(err)
	}
	was := int64(0)
	for _, f := range again.Files {
		if slices.ContainsFunc(first.Files, func(g backup.File) bool { return f.Sum == g.Sum }) {
			was += f.Bytes
		}
	}
	if was == 0 || taking.Shared != was || taking.Copied != again.Bytes()-was {
		t.Errorf("of %d bytes, %d of them in files that are as before, %d were copied and %d shared", again.Bytes(), was, taking.Copied, taking.Shared)
	}
	s.fill(100)
	third, _, err := take(t, fs, s.image)
	if err != nil {
		t.Fatal(err)
	}
	if names := sound(t, fs); !slices.Equal(names, []string{"20260301T120000Z", "20260301T120000Z-2", "20260301T120000Z-3"}) {
		t.Errorf("the place holds %q", names)
	}
	head, at := s.Engine().Head()
	_, chain := s.Engine().Chain()
	if third.Position != head || !third.Time.Equal(at) || third.Chain != chain || first.Position != 40 {
		t.Errorf("the backups are of position %d and %d (%v, chain %016x), the store is at %d (%v, %016x)", first.Position, third.Position, third.Time, third.Chain, head, at, chain)
	}
	place, err := backup.Open(fs, "place")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*backup.Manifest{first, third} {
		to := vfs.NewMem()
		if err := place.Copy(t.Context(), m, to, engine.DataDir(to, "e"), func(int64) {}); err != nil {
			t.Fatal(err)
		}
		e, err := engine.Open("e", engine.Options{FS: to, CacheBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if _, chain := e.Chain(); chain != m.Chain {
			t.Errorf("restored from %s, the chain is %016x; it was %016x", m.Name, chain, m.Chain)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Old backups go, and with them the files that only they had.
func TestKeep(t *testing.T) {
	s, fs := newStore(t), vfs.NewMem()
	for range 3 {
		if _, _, err := take(t, fs, s.image); err != nil {
			t.Fatal(err)
		}
		s.fill(60)
	}
	place, err := backup.Open(fs, "place")
	if err != nil {
		t.Fatal(err)
	}
	before, err := fs.List("place/files")
	if err != nil {
		t.Fatal(err)
	}
	taking, err := place.Take()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := place.Take(); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("a second process at work in the place: %v", err)
	}
	gone, err := taking.Keep(1)
	if err != nil || !slices.Equal(gone, []string{"20260301T120000Z", "20260301T120000Z-2"}) {
		t.Fatalf("keeping one: %q (%v)", gone, err)
	}
	if err := taking.Close(); err != nil {
		t.Fatal(err)
	}
	if names := sound(t, fs); !slices.Equal(names, []string{"20260301T120000Z-3"}) {
		t.Errorf("left are %q", names)
	}
	m, err := place.Find("")
	if err != nil {
		t.Fatal(err)
	}
	named := map[backup.Sum]bool{} // several are empty
	for _, f := range m.Files {
		named[f.Sum] = true
	}
	if after, err := fs.List("place/files"); err != nil || len(after) != len(named) || len(after) >= len(before) {
		t.Errorf("of %d files %d are left (%v), the backup has %d", len(before), len(after), err, len(named))
	}
}

// Whenever the machine stops, the backups that were there are whole, the new
// one is there whole or not at all, and the next one can be taken.
func TestTakeSurvivesACrashAtEveryStep(t *testing.T) {
	s, first := newStore(t), vfs.NewCrashableMem()
	if _, _, err := take(t, first, s.image); err != nil {
		t.Fatal(err)
	}
	s.fill(60)
	for _, kept := range []int{0, 100} {
		for step := 1; ; step++ {
			disk := clone(first)
			var crashed *vfs.MemFS
			stop := &at{n: step, do: func() error {
				crashed = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(uint64(step), 7))})
				return nil
			}}
			m, _, err := take(t, errorfs.Wrap(disk, stop), s.image)
			if err != nil {
				t.Fatal(err)
			}
			if !stop.reached() {
				break
			}
			names := sound(t, crashed)
			if names[0] != "20260301T120000Z" || len(names) == 2 && names[1] != m.Name || len(names) > 2 {
				t.Fatalf("kept %d %%, stopped at step %d: the place holds %q", kept, step, names)
			}
			if _, _, err := take(t, crashed, s.image); err != nil {
				t.Fatalf("kept %d %%, stopped at step %d: the next backup: %v", kept, step, err)
			}
			if after := sound(t, crashed); len(after) != len(names)+1 {
				t.Fatalf("kept %d %%, stopped at step %d: after the next backup the place holds %q", kept, step, after)
			}
		}
	}
}

// A disk that is full, from whichever moment on, leaves nothing broken.
func TestTakeOnAFullDisk(t *testing.T) {
	s, first := newStore(t), vfs.NewCrashableMem()
	if _, _, err := take(t, first, s.image); err != nil {
		t.Fatal(err)
	}
	s.fill(60)
	image := s.image(nil)
	for step := 1; ; step++ {
		disk := clone(first)
		full := &at{n: step, kept: true, do: func() error { return syscall.ENOSPC }}
		_, _, err := take(t, errorfs.Wrap(disk, full), func(map[backup.Sum]int64) []byte { return image })
		if !full.reached() {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		names := sound(t, disk)
		if len(names) > 2 || len(names) == 1 && err == nil {
			t.Fatalf("full from step %d on (%v): the place holds %q", step, err, names)
		}
		if _, _, err := take(t, disk, s.image); err != nil {
			t.Fatalf("full from step %d on: with room again: %v", step, err)
		}
		if after := sound(t, disk); len(after) != len(names)+1 {
			t.Fatalf("full from step %d on: after the next backup the place holds %q", step, after)
		}
	}
}

// clone returns a disk with all that another one holds.
func clone(fs *vfs.MemFS) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}

// What does not come whole, or is not what was sent, is no backup; and what did
// come whole of it is not sent again.
func TestTakeRefusesWhatIsNotWhole(t *testing.T) {
	s, fs := newStore(t), vfs.NewMem()
	whole := s.image(nil)
	for _, bad := range [][]byte{whole[:len(whole)-1], whole[:len(whole)/2], append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1), {}} {
		if _, _, err := take(t, fs, func(map[backup.Sum]int64) []byte { return bad }); !errors.Is(err, firn.ErrDamaged) {
			t.Errorf("%d bytes of %d: %v", len(bad), len(whole), err)
		}
	}
	if names := sound(t, fs); len(names) != 0 {
		t.Fatalf("the place holds %q", names)
	}
	if m, taking, err := take(t, fs, s.image); err != nil || taking.Shared == 0 {
		t.Errorf("after it had come in pieces: %v, shared are %d bytes of %d", err, taking.Shared, m.Bytes())
	}

	// Left out is only what the receiver has named.
	held := s.image(map[backup.Sum]int64{})
	place, err := backup.Open(fs, "place")
	if err != nil {
		t.Fatal(err)
	}
	m, err := place.Find("")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[backup.Sum]int64{}
	for _, f := range m.Files {
		sums[f.Sum] = f.Bytes
	}
	less := s.image(sums)
	if len(less) >= len(held) {
		t.Errorf("an image without what is held has %d bytes, with it %d", len(less), len(held))
	}
	if _, _, err := take(t, vfs.NewMem(), func(map[backup.Sum]int64) []byte { return less }); !errors.Is(err, firn.ErrDamaged) {
		t.Errorf("an image that leaves out what is not here: %v", err)
	}
	if _, err := engine.ReceiveImage(vfs.NewMem(), "e", bytes.NewReader(less)); !errors.Is(err, firn.ErrDamaged) {
		t.Errorf("a replica that is sent an image with files left out: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	taking, err := place.Take()
	if err != nil {
		t.Fatal(err)
	}
	defer taking.Close()
	if _, err := taking.Receive(ctx, bytes.NewReader(whole), backup.Source{Taken: noon}, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// Damage in the place is found, and named, and what it does not touch is whole.
func TestVerifyFindsDamage(t *testing.T) {
	s, fs := newStore(t), vfs.NewMem()
	first, _, err := take(t, fs, s.image)
	if err != nil {
		t.Fatal(err)
	}
	s.fill(60)
	second, _, err := take(t, fs, s.image)
	if err != nil {
		t.Fatal(err)
	}
	only := func() backup.File { // of the second backup
		for _, f := range second.Files {
			if !slices.ContainsFunc(first.Files, func(g backup.File) bool { return f.Sum == g.Sum }) {
				return f
			}
		}
		t.Fatal("the second backup has no file of its own")
		return backup.File{}
	}()
	place, err := backup.Open(fs, "place")
	if err != nil {
		t.Fatal(err)
	}
	path := "place/files/" + only.Sum.String()
	whole := contents(t, fs, path)
	rewrite := func(path string, b []byte) {
		f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(bytes.Clone(b)) // which the disk in memory may change
		f.Close()
	}
	damage := func(what string, do func()) {
		t.Helper()
		do()
		_, faults, err := place.Verify(t.Context(), func(int64, int64) {})
		if err != nil || len(faults) != 1 || !strings.Contains(faults[0], what) {
			t.Errorf("%s: %v, %q", what, err, faults)
		}
		if err := place.Copy(t.Context(), first, vfs.NewMem(), "d", func(int64) {}); err != nil {
			t.Errorf("%s: the other backup: %v", what, err)
		}
		if err := place.Copy(t.Context(), second, vfs.NewMem(), "d", func(int64) {}); what != "manifest" && !errors.Is(err, firn.ErrDamaged) {
			t.Errorf("%s: it is copied: %v", what, err)
		}
	}
	damage("is damaged", func() { rewrite(path, append(bytes.Clone(whole[1:]), whole[0]^1)) })
	damage("is damaged", func() { rewrite(path, whole[:len(whole)-1]) })
	damage("is missing", func() { fs.Remove(path) })
	rewrite(path, whole)
	sound(t, fs)
	manifest := "place/backups/" + second.Name
	text := contents(t, fs, manifest)
	damage("manifest", func() { rewrite(manifest, bytes.Replace(text, []byte(`"position":100`), []byte(`"position":101`), 1)) })
	if _, err := place.Find(second.Name); !errors.Is(err, firn.ErrDamaged) {
		t.Errorf("a manifest that was changed: %v", err)
	}
	if _, _, err := take(t, fs, s.image); err != nil {
		t.Errorf("beside a damaged manifest: %v", err)
	}
	if now := contents(t, fs, path); !bytes.Equal(now, whole) {
		t.Error("a file of a backup whose manifest cannot be read has changed")
	}
}

func contents(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Other directories are left alone, and other clusters' backups.
func TestPlaceRefuses(t *testing.T) {
	s, fs := newStore(t), vfs.NewMem()
	if _, err := backup.Open(fs, "place"); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("no directory: %v", err)
	}
	if err := fs.MkdirAll("other/photos", 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Create(fs, "other"); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("a directory of somebody else's: %v", err)
	}
	if _, _, err := take(t, fs, s.image); err != nil {
		t.Fatal(err)
	}
	stranger := newStranger(t)
	if _, _, err := take(t, fs, stranger.image); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("another cluster's backup: %v", err)
	}
	place, err := backup.Open(fs, "place")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := place.Find("20200101T000000Z"); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("a backup that is not there: %v", err)
	}
}
