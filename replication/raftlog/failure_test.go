package raftlog

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/firndb/firn"
)

// failing makes operations on some files fail once it is switched on.
type failing struct {
	on    atomic.Bool
	err   error
	kinds []errorfs.OpKind
	name  string // part of the file's name
}

func (*failing) String() string { return "failing" }

func (f *failing) MaybeError(op errorfs.Op) error {
	if !f.on.Load() || !strings.Contains(op.Path, f.name) {
		return nil
	}
	for _, kind := range f.kinds {
		if op.Kind == kind {
			return f.err
		}
	}
	return nil
}

var writes = []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo, errorfs.OpCreate}

// A write that fails is never answered with nil, neither is any after it, and
// whoever runs the log is told once. What was acknowledged before is there
// after a restart.
func TestFailingWrites(t *testing.T) {
	for _, c := range []struct {
		name string
		f    *failing
		want firn.Kind
	}{
		{"a full disk", &failing{err: syscall.ENOSPC, kinds: writes}, firn.ErrNoSpace},
		{"the write-ahead log's writes", &failing{err: syscall.EIO, name: ".log", kinds: []errorfs.OpKind{errorfs.OpFileWrite}}, firn.ErrUnavailable},
		{"the write-ahead log's syncs", &failing{err: syscall.EIO, name: ".log", kinds: []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}}, firn.ErrUnavailable},
		{"new files", &failing{err: syscall.EIO, kinds: []errorfs.OpKind{errorfs.OpCreate}}, firn.ErrUnavailable},
		{"tables", &failing{err: syscall.EIO, name: ".sst", kinds: writes}, firn.ErrUnavailable},
		{"the manifest", &failing{err: syscall.EIO, name: "MANIFEST", kinds: writes}, firn.ErrUnavailable},
		{"the witness", &failing{err: syscall.EIO, name: tailName, kinds: writes}, firn.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			var told atomic.Int32
			fatal := make(chan error, 1)
			l, err := Open(dir, Options{
				FS: errorfs.Wrap(disk, c.f), MemTableBytes: 64 << 10,
				OnFatal: func(err error) { told.Add(1); fatal <- err },
			})
			must(t, err)
			must(t, l.StoreLogs(entries(1, 3, 1)))
			must(t, l.SetUint64([]byte(nameCurrentTerm), 7))
			acknowledged := uint64(3)
			c.f.on.Store(true)
			var failure error
			for index := uint64(4); failure == nil && index < 5000; index++ {
				e := entries(index, index, 1)
				e[0].Data = noise(2000, index)
				if failure = l.StoreLogs(e); failure == nil {
					acknowledged = index
				}
			}
			if failure == nil {
				t.Fatal("no write has failed")
			}
			if !errors.Is(failure, c.want) {
				t.Errorf("the write failed with %v, want %v", failure, c.want)
			}
			if got := <-fatal; got != failure {
				t.Errorf("OnFatal was told %v, the write %v", got, failure)
			}
			c.f.on.Store(false) // the disk is well again; the log is not
			for name, err := range map[string]error{
				"an entry":    l.StoreLogs(entries(acknowledged+1, acknowledged+1, 1)),
				"a term":      l.SetUint64([]byte(nameCurrentTerm), 8),
				"half a vote": l.SetUint64([]byte(nameVoteTerm), 8),
				"a vote":      l.Set([]byte(nameVoteCand), []byte("a")),
				"a removal":   l.DeleteRange(acknowledged, acknowledged),
			} {
				if err != failure {
					t.Errorf("%s after the failure: %v", name, err)
				}
			}
			if told.Load() != 1 {
				t.Errorf("OnFatal was called %d times", told.Load())
			}
			crashed := disk.CrashClone(vfs.CrashCloneCfg{})
			again, err := Open(dir, Options{FS: crashed, OnFatal: func(err error) { t.Error(err) }})
			must(t, err)
			defer again.Close()
			if got := bounds(t, again); got[0] != 1 || got[1] < acknowledged {
				t.Errorf("after a restart the log holds %v, acknowledged was %d", got, acknowledged)
			}
			if term, err := again.GetUint64([]byte(nameCurrentTerm)); term != 7 || err != nil {
				t.Errorf("after a restart the term is %d, %v", term, err)
			}
		})
	}
}

// The failure of one node's disk stays within a simulated cluster: nothing is
// left running, and closing ends.
func TestFailureInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{err: syscall.EIO, name: ".log", kinds: writes}
		fatal := make(chan error, 1)
		l, err := Open(dir, Options{FS: errorfs.Wrap(vfs.NewMem(), f), OnFatal: func(err error) { fatal <- err }})
		must(t, err)
		f.on.Store(true)
		start := time.Now()
		failure := l.StoreLogs(entries(1, 1, 1))
		if failure == nil || failure != <-fatal {
			t.Errorf("the write failed with %v", failure)
		}
		f.on.Store(false)
		if err := l.Close(); err != failure {
			t.Errorf("closing: %v", err)
		}
		if took := time.Since(start); took > closeMaxDefault {
			t.Errorf("it took %v", took)
		}
	})
}

// While a new log is made, each file operation fails in turn. Among them are
// those with which Pebble changes from its first write-ahead log to the next, and
// over which it would end the process.
func TestMakingFails(t *testing.T) {
	for nth := int32(0); ; nth++ {
		inject := errorfs.OnIndex(nth)
		disk := vfs.NewCrashableMem()
		l, err := Open(dir, Options{FS: errorfs.Wrap(disk, errorfs.ErrInjected.If(inject)), OnFatal: func(error) {}, closeMax: 20 * time.Millisecond, noCompactions: true})
		if err == nil {
			_ = l.Close()
			if inject.Index.Load() >= 0 {
				if nth < 60 {
					t.Errorf("only %d operations to fail", nth)
				}
				return // more than there are
			}
		}
		l, err = Open(dir, Options{FS: disk.CrashClone(vfs.CrashCloneCfg{}), OnFatal: func(err error) { t.Error(err) }})
		if err != nil {
			t.Fatalf("operation %d failed; afterwards: %v", nth, err)
		}
		must(t, l.Close())
	}
}

// Pebble changes to a new write-ahead log, because a memory table is full, and
// cannot end the old one. The log stops, and the process does not. Nobody waits
// for a lock that is held for good: in virtual time, that would be for ever.
func TestChangeOfTheLogFails(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSyncData, errorfs.OpFileSync, errorfs.OpCreate} {
		for _, name := range []string{".log", dir} {
			disk := vfs.NewCrashableMem()
			var on atomic.Bool
			fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if on.Load() && op.Kind == kind && strings.HasSuffix(op.Path, name) {
					return syscall.EIO
				}
				return nil
			}))
			l, err := Open(dir, Options{FS: fs, OnFatal: func(error) {}, closeMax: time.Hour})
			must(t, err)
			must(t, l.StoreLogs(entries(1, 20, 1)))
			on.Store(true)
			if err := l.guard(l.db.Flush); err == nil && l.alive() != nil {
				t.Errorf("the flush says that it was done; the log has failed: %v", l.alive())
			}
			_ = l.Close()
			again, err := Open(dir, Options{FS: disk.CrashClone(vfs.CrashCloneCfg{}), OnFatal: func(err error) { t.Error(err) }})
			must(t, err)
			if got := bounds(t, again); got != [2]uint64{1, 20} {
				t.Errorf("after a restart the log holds %v", got)
			}
			must(t, again.Close())
		}
	}
}

// While a log is opened, each file operation fails in turn. Open says so, or
// the log works.
func TestOpenFails(t *testing.T) {
	for nth := int32(0); ; nth++ {
		disk := vfs.NewCrashableMem()
		l, err := Open(dir, Options{FS: disk, OnFatal: func(err error) { t.Error(err) }})
		must(t, err)
		must(t, l.StoreLogs(entries(1, 20, 1)))
		want := contents(t, l)
		must(t, l.Close())

		inject := errorfs.OnIndex(nth)
		l, err = Open(dir, Options{FS: errorfs.Wrap(disk, errorfs.ErrInjected.If(inject)), OnFatal: func(error) {}, closeMax: 20 * time.Millisecond, noCompactions: true})
		if err == nil {
			if got, err := dumpOf(l); err == nil && got != want { // it may fail in the background
				t.Fatalf("operation %d failed: the log holds\n%s", nth, got)
			}
			_ = l.Close()
			if inject.Index.Load() >= 0 {
				if nth < 30 {
					t.Errorf("only %d operations to fail", nth)
				}
				return // more than there are
			}
		}
		restarted := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
		l, err = Open(dir, Options{FS: restarted, OnFatal: func(err error) { t.Error(err) }})
		if err != nil {
			t.Fatalf("operation %d failed; afterwards: %v", nth, err)
		}
		if got := contents(t, l); got != want {
			t.Fatalf("operation %d failed; afterwards the log holds\n%s", nth, got)
		}
		must(t, l.Close())
	}
}
