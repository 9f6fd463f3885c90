package engine_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

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
