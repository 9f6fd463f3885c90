package engine_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// failing lets one operation of a file system fail.
type failing struct {
	on   func(errorfs.Op) bool // is the operation counted?
	left atomic.Int64          // operations before it
}

func (f *failing) MaybeError(op errorfs.Op) error {
	if f.on(op) && f.left.Add(-1) == -1 {
		return syscall.EIO
	}
	return nil
}

func (f *failing) String() string { return "one operation" }

func (f *failing) hasFailed() bool { return f.left.Load() < 0 }

// While a store is made, or opened, each operation of the file system fails in
// turn. Open says so, or the store works; and what it held is there afterwards.
// (Where a manifest could not be written, Open never returned; where the directory
// could not be synced, Pebble ended the process.)
func TestOpenFails(t *testing.T) {
	t.Parallel()
	for _, entries := range []int{0, 60} {
		disk, held := vfs.NewCrashableMem(), uint64(0)
		if entries > 0 {
			e := openOn(t, disk, engine.Settings{LayerEvents: 20})
			if _, err := e.Apply(entriesOf(1, entries)); err != nil {
				t.Fatal(err)
			}
			held, _ = e.Applied()
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
		var next atomic.Int64
		var over atomic.Bool
		var running sync.WaitGroup
		for range 16 { // some wait for what never ends
			running.Go(func() {
				for !over.Load() {
					if !openFails(t, disk.CrashClone(vfs.CrashCloneCfg{}), next.Add(1)-1, held) {
						over.Store(true)
					}
				}
			})
		}
		running.Wait()
		if n := next.Load(); n < 50 {
			t.Errorf("with %d entries: only %d operations to fail", entries, n)
		}
	}
}

// openFails lets the nth operation fail, and reports whether there is one.
func openFails(t *testing.T, disk *vfs.MemFS, nth int64, held uint64) bool {
	f := &failing{on: func(errorfs.Op) bool { return true }}
	f.left.Store(nth)
	e, err := engine.Open("e", engine.Options{FS: errorfs.Wrap(disk, f), CacheBytes: 1 << 20, Settings: engine.Settings{LayerEvents: 20}, OnFatal: func(error) {}, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		if index, _ := e.Applied(); index != held {
			t.Errorf("operation %d failed: the store has applied %d entries of %d", nth, index, held)
		}
		failed := f.hasFailed()
		_ = e.Close() // it may also have failed in the background, or now
		if !failed {
			return false
		}
	}
	e, err = engine.Open("e", engine.Options{FS: disk.CrashClone(vfs.CrashCloneCfg{}), CacheBytes: 1 << 20})
	if err != nil {
		t.Errorf("operation %d failed; afterwards: %v", nth, err)
		return true
	}
	defer e.Close()
	if index, _ := e.Applied(); index != held {
		t.Errorf("operation %d failed; afterwards the store has applied %d entries of %d", nth, index, held)
	}
	if report, err := e.Verify(t.Context(), nil); err != nil || len(report.Faults) > 0 {
		t.Errorf("operation %d failed; afterwards: %v, %v", nth, report.Faults, err)
	}
	return true
}

// Nothing is flushed or compacted before the store is open. (It was, after the
// first time; and where it then failed to open, the process panicked.)
func TestOpenFlushesNothing(t *testing.T) {
	disk := vfs.NewMem()
	e := openOn(t, disk, engine.Settings{LayerEvents: 20})
	if _, err := e.Apply(entriesOf(1, 60)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openOn(t, disk, engine.Settings{LayerEvents: 20})
	if n := e.DB().Metrics().Flush.Count; n > 0 {
		t.Errorf("the store was flushed %d times while it was opened", n)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// A manifest's directory that cannot be synced ends the store, and nothing else.
// (Pebble panicked, on a goroutine of its own.)
func TestASyncThatFailsIsFatal(t *testing.T) {
	t.Parallel()
	f := &failing{on: func(op errorfs.Op) bool {
		return (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) && strings.HasSuffix(op.Path, "e/data")
	}}
	f.left.Store(1 << 40)
	told := make(chan error, 10)
	e, err := engine.Open("e", engine.Options{FS: errorfs.Wrap(vfs.NewMem(), f), CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler), OnFatal: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Apply(entriesOf(1, 5)); err != nil {
		t.Fatal(err)
	}
	f.left.Store(0)
	_, _, failed := e.Flush()
	if failed == nil || !errors.Is(failed, syscall.EIO) {
		t.Errorf("Flush says %v", failed)
	}
	if err := <-told; err != failed {
		t.Errorf("OnFatal was told %v", err)
	}
	if err := e.Close(); err != failed {
		t.Errorf("Close says %v", err)
	}
}

// Who reads while a manifest cannot be written comes to an end. (It waited for
// ever: Pebble stood still with the lock that ends an iterator.)
func TestReadersOutliveAManifest(t *testing.T) {
	t.Parallel()
	f := &failing{on: func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileWrite && strings.Contains(op.Path, "MANIFEST")
	}}
	f.left.Store(1 << 40)
	e, err := engine.Open("e", engine.Options{FS: errorfs.Wrap(vfs.NewMem(), f), CacheBytes: 1 << 20, Settings: engine.Settings{LayerEvents: 20}, Logger: slog.New(slog.DiscardHandler), OnFatal: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	entries := entriesOf(1, 60)
	apply := func(from, to int) {
		if _, err := e.Apply(entries[from:to]); err != nil {
			t.Error(err)
		}
	}
	apply(0, 50)
	once := sync.OnceFunc(func() {
		if _, _, err := e.Flush(); err != nil { // what is being read is an old version now
			t.Error(err)
		}
		apply(50, 60)
		f.left.Store(0)
		if _, _, err := e.Flush(); err == nil {
			t.Error("a manifest that could not be written was")
		}
	})
	ended := make(chan struct{})
	go func() {
		_, _ = e.Verify(t.Context(), func(uint64, uint64) { once() })
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("Verify does not come to an end")
	}
	if !f.hasFailed() {
		t.Error("nothing has failed")
	}
	if err := e.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close says %v", err)
	}
}

// A checkpoint of which something cannot be written is an error, and does the
// store no harm. (Pebble panicked where the copy's directory could not be synced.)
func TestCheckpointFails(t *testing.T) {
	f := &failing{on: func(op errorfs.Op) bool { return strings.HasPrefix(op.Path, "copy") }}
	f.left.Store(1 << 40)
	disk := vfs.NewMem()
	e, err := engine.Open("e", engine.Options{FS: errorfs.Wrap(disk, f), CacheBytes: 1 << 20, Settings: engine.Settings{LayerEvents: 20}, OnFatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Apply(entriesOf(1, 60)); err != nil {
		t.Fatal(err)
	}
	applied, _ := e.Applied()
	for nth := int64(0); ; nth++ {
		f.left.Store(nth)
		info, err := e.Checkpoint("copy")
		failed := f.hasFailed()
		f.left.Store(1 << 40)
		if err == nil && info.Index != applied {
			t.Errorf("operation %d failed: the checkpoint goes up to %d of %d", nth, info.Index, applied)
		}
		if err := disk.RemoveAll("copy"); err != nil {
			t.Fatal(err)
		}
		if !failed {
			if err != nil || nth < 20 {
				t.Errorf("only %d operations to fail; then %v", nth, err)
			}
			break
		}
	}
	if _, _, err := e.Flush(); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// While an image is received and put in place, each operation fails in turn. The
// store is afterwards what it was, or what was received; the latter where nobody
// was told otherwise.
func TestTakingAnImageInFails(t *testing.T) {
	t.Parallel()
	source := filled(t, 40)
	image, info := imageOf(t, source)
	disk := vfs.NewCrashableMem()
	old := openOn(t, disk, engine.Settings{})
	if _, err := old.Apply(entriesOf(1, 5)); err != nil {
		t.Fatal(err)
	}
	before, _ := old.Applied()
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	var next atomic.Int64
	var over atomic.Bool
	var running sync.WaitGroup
	for range 16 { // some wait for what never ends
		running.Go(func() {
			for !over.Load() {
				nth, disk := next.Add(1)-1, disk.CrashClone(vfs.CrashCloneCfg{})
				f := &failing{on: func(errorfs.Op) bool { return true }}
				f.left.Store(nth)
				fs := errorfs.Wrap(disk, f)
				_, received := engine.ReceiveImage(fs, "e", bytes.NewReader(image))
				e, err := engine.Open("e", engine.Options{FS: fs, CacheBytes: 1 << 20, OnFatal: func(error) {}, Logger: slog.New(slog.DiscardHandler)})
				if err == nil {
					_ = e.Close()
				}
				if !f.hasFailed() {
					over.Store(true)
				}
				e, err = engine.Open("e", engine.Options{FS: disk.CrashClone(vfs.CrashCloneCfg{}), CacheBytes: 1 << 20})
				if err != nil {
					t.Errorf("operation %d failed; afterwards: %v", nth, err)
					return
				}
				if index, _ := e.Applied(); index != info.Index && (index != before || received == nil) {
					t.Errorf("operation %d failed: the image was received: %v; the store has applied %d entries, %d before, the image %d", nth, received, index, before, info.Index)
				}
				_ = e.Close()
			}
		})
	}
	running.Wait()
	if n := next.Load(); n < 100 {
		t.Errorf("only %d operations to fail", n)
	}
}

// A follower that could not read something goes on where it was. (It went on
// behind what it had come upon, which a consumer group then never delivered.)
func TestFollowerLosesNothingToAnError(t *testing.T) {
	disk, f := vfs.NewMem(), &failing{on: func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileReadAt }}
	fs := errorfs.Wrap(disk, f)
	e := openOn(t, disk, engine.Settings{LayerEvents: 20})
	if _, err := e.Apply(entriesOf(1, 600)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// follow returns what a follower yields, and how often it failed.
	follow := func(nth int64, q firn.Query) (events []firn.Position, failed int) {
		t.Helper()
		f.left.Store(1 << 40)
		e := openOn(t, fs, engine.Settings{LayerEvents: 20})
		defer e.Close()
		follower, err := e.Follow(q)
		if err != nil {
			t.Fatal(err)
		}
		defer follower.Rest()
		f.left.Store(nth)
		for {
			b, err := follower.Next(t.Context(), time.UnixMicro(1_000_300))
			if err != nil {
				if failed++; failed > 1 {
					t.Fatal(err)
				}
				continue
			}
			for i := range b.Events {
				events = append(events, b.Events[i].Position)
			}
			if b.Head {
				return events, failed
			}
		}
	}
	for _, q := range []firn.Query{{All: true}, {Category: "s"}} {
		want, _ := follow(1<<40, q)
		all := 0
		for nth := int64(0); ; nth++ {
			got, failed := follow(nth, q)
			if !slices.Equal(got, want) {
				t.Errorf("%+v: read %d failed, and it yields %d, not %d", q, nth, got, want)
			}
			if all += failed; !f.hasFailed() {
				break
			}
		}
		if all == 0 || len(want) == 0 {
			t.Errorf("%+v: %d reads failed, of %d events", q, all, len(want))
		}
	}
}
