package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
	"github.com/firndb/firn/internal/plainlog"
)

// pebbleFormat is fixed, so that a new release of Pebble changes nothing on
// disk by itself. It is above FormatWALSyncChunks: below that, one flipped bit
// in a log goes unnoticed.
const pebbleFormat = pebble.FormatValueSeparation

// How Options.CacheBytes is divided: half for Pebble's blocks, a quarter each
// for decoded layers and for the states of streams.
const (
	blocksShare = 2
	layersShare = 4
	statesShare = 4
)

// What is applied but not flushed is held in up to memTables of memTableBytes.
// Pebble takes that memory out of what its cache may hold, so it is added to it;
// else there would be no room for blocks at all.
const (
	memTableBytes = 64 << 20
	memTables     = 3
)

// pebbleOptions returns how Pebble is opened in dir. Its own log is off: the
// Raft log holds every entry that is not flushed yet.
func pebbleOptions(fs vfs.FS, dir string, cacheBytes int64, f *failure) *pebble.Options {
	o := &pebble.Options{
		FS:                          diskfs.FS{FS: fs, Fail: f.disk, Dir: dir},
		Comparer:                    comparer,
		FormatMajorVersion:          pebbleFormat,
		DisableWAL:                  true,
		CacheSize:                   cacheBytes + memTables*memTableBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               256 << 20,
		MaxOpenFiles:                1000,
		BytesPerSync:                1 << 20,
		Logger:                      pebbleLog{f},
		EventListener:               &pebble.EventListener{BackgroundError: f.background, DataCorruption: f.damage},
		CompactionConcurrencyRange:  func() (int, int) { return 1, max(1, runtime.GOMAXPROCS(0)/2) },
	}
	// Split takes a stream's events in a layer for versions of one key, of which
	// Pebble would put all but the first apart, into value blocks. They are read
	// together, so they stay with their keys.
	o.Experimental.SpanPolicyFunc = func([]byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{DisableValueSeparationBySuffix: true}, nil, nil
	}
	o.TargetFileSizes[0] = 16 << 20
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 32 << 10
	}
	return o
}

// openPebble opens Pebble, which panics over some of the files that it did not
// write so.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
		if err != nil {
			err = openDamage(fmt.Errorf("opening %s: %w", dir, err))
		}
	}()
	if o.DisableWAL && !o.ReadOnly {
		if err := dropLogs(o.FS, dir); err != nil {
			return nil, err
		}
	}
	return pebble.Open(dir, o)
}

// dropLogs removes the log that Pebble made when the store was last opened, and
// has written nothing to. It would replay it, flush, and begin to compact; where
// it then fails to open it closes what the compaction reads through, and the
// process panics. Without a log it compacts once it is open.
func dropLogs(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if isNotExist(err) {
		return nil
	}
	for _, name := range names {
		if err == nil && strings.HasSuffix(name, ".log") {
			err = fs.Remove(fs.PathJoin(dir, name))
		}
	}
	return err
}

// failure is the end of a store that cannot go on.
type failure struct {
	log     *slog.Logger
	onFatal func(error)
	found   func(error) // is told of damage
	opened  atomic.Bool // Open is done: what happens from now on is onFatal's business
	once    sync.Once
	err     error         // set before happened is closed
	done    chan struct{} // closed when it has happened
}

func newFailure(log *slog.Logger, onFatal, found func(error)) *failure {
	return &failure{log: log, onFatal: onFatal, found: found, done: make(chan struct{})}
}

// unheard is for a store whose readers get every error themselves.
func unheard() *failure {
	nobody := func(error) {}
	return newFailure(slog.New(slog.DiscardHandler), nobody, nobody)
}

// happen logs why the store cannot go on and tells onFatal, the first time that
// it is called; while the store is opened, Open says it. onFatal runs on a
// goroutine of its own, so that it may close the store: who calls may hold
// Pebble's locks.
func (f *failure) happen(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.done)
		if f.opened.Load() {
			f.log.Error("the store cannot go on", "error", err)
			go f.onFatal(err)
		}
	})
}

// happened returns why the store cannot go on, nil while it can.
func (f *failure) happened() error {
	select {
	case <-f.done:
		return f.err
	default:
		return nil
	}
}

// background takes what Pebble reports of its flushes and compactions. Pebble
// tries them again for ever; a disk that refuses a write ends the store. Damage
// that a compaction comes upon does not: what is whole can still be read.
func (f *failure) background(err error) {
	if pebble.IsCorruptionError(err) {
		f.found(damage(err))
		return
	}
	f.happen(fmt.Errorf("engine: writing in the background: %w", err))
}

// damage takes what Pebble has found while something was read. Whoever read it
// gets the error. Without this Pebble would call Fatalf, and the reader hang.
func (f *failure) damage(info pebble.DataCorruptionInfo) {
	f.found(firn.Errorf(firn.ErrDamaged, "the store's files are damaged: %s; restore this node from another replica or a backup", describeDamage(&info)))
}

// pebbleLog hands Pebble's messages on. Its Fatalf never returns: Pebble takes
// a return for "go on", and then answers a failed write with success.
type pebbleLog struct{ *failure }

func (l pebbleLog) Infof(format string, args ...any) {
	l.log.Debug("pebble: " + plainlog.Text(format, args...))
}

// Errorf is silent once the store has failed, for Pebble goes on trying.
func (l pebbleLog) Errorf(format string, args ...any) {
	if l.happened() == nil {
		l.log.Warn("pebble: " + plainlog.Text(format, args...))
	}
}

// Fatalf does not return.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.happen(errors.New("engine: pebble: " + plainlog.Text(format, args...)))
	l.halt()
}
