package engine

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
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

const memTableBytes = 64 << 20

// pebbleOptions returns how Pebble is opened. Its own log is off: the Raft log
// holds every entry that is not flushed yet.
func pebbleOptions(fs vfs.FS, cacheBytes int64, log pebble.Logger) *pebble.Options {
	o := &pebble.Options{
		FS:                          fs,
		Comparer:                    comparer,
		FormatMajorVersion:          pebbleFormat,
		DisableWAL:                  true,
		CacheSize:                   cacheBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: 3,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               256 << 20,
		MaxOpenFiles:                1000,
		BytesPerSync:                1 << 20,
		Logger:                      log,
		CompactionConcurrencyRange:  func() (int, int) { return 1, max(1, runtime.GOMAXPROCS(0)/2) },
	}
	o.TargetFileSizes[0] = 16 << 20
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 32 << 10
	}
	return o
}

// fatalOnce returns a function that logs why the store cannot go on and hands
// it to onFatal, the first time that it is called.
func fatalOnce(log *slog.Logger, onFatal func(error)) func(error) {
	var once sync.Once
	return func(err error) {
		once.Do(func() {
			log.Error("the store cannot go on", "error", err)
			onFatal(err)
		})
	}
}

// pebbleLog hands Pebble's messages on. Its Fatalf never returns: Pebble takes
// a return for "go on", and then answers a failed write with success.
type pebbleLog struct {
	log   *slog.Logger
	fatal func(error)
}

func (l pebbleLog) Infof(format string, args ...any) {
	l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Warn("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf blocks for ever. Ending the goroutine instead would run the deferred
// calls with which Pebble lets others go on.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.fatal(fmt.Errorf("engine: pebble: "+format, args...))
	select {}
}
