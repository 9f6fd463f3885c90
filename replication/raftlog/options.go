package raftlog

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

// Options says how to open a log. Only OnFatal must be set.
type Options struct {
	// FS is where the files are. Default: the machine's file system.
	FS vfs.FS

	// OnFatal is called once, on a goroutine of its own, when the log cannot
	// go on. It may end the process; it need not.
	OnFatal func(error)

	// Logger takes Pebble's messages. Default: none.
	Logger *slog.Logger

	// MemTableBytes is the size of one of Pebble's memory tables, of which up
	// to four exist. Default: 32 MiB.
	MemTableBytes uint64

	// CacheBytes is the size of Pebble's block cache, which serves replicas
	// that are behind. Default: 8 MiB.
	CacheBytes int64

	// ReadOnly opens a log that nobody uses, to verify it: its files stay as
	// they are, and nothing can be written.
	ReadOnly bool

	// ObserveSync is told how long each synced write took. Default: nobody is.
	ObserveSync func(time.Duration)

	// keepFirstWAL leaves out a step of making a new store, for the test that
	// shows why it is there.
	keepFirstWAL bool

	// noCompactions is for the test that lets Open fail: Pebble then tears down
	// what a compaction that has just begun still uses.
	noCompactions bool

	// closeMax bounds the time that closing takes after a failure. Default: 5 s.
	closeMax time.Duration
}

const (
	memTableBytesDefault = 32 << 20
	cacheBytesDefault    = 8 << 20

	memTablesMax    = 4
	closeMaxDefault = 5 * time.Second
)

func (o *Options) setDefaults() error {
	if o.OnFatal == nil {
		return firn.Errorf(firn.ErrInvalid, "raftlog: Options.OnFatal must be set")
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = memTableBytesDefault
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = cacheBytesDefault
	}
	if o.closeMax == 0 {
		o.closeMax = closeMaxDefault
	}
	return nil
}
