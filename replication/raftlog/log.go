package raftlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/planted"
)

// Log is Raft's disk. It is a raft.LogStore and a raft.StableStore. It is not a
// raft.MonotonicLogStore: Raft removes all entries of such a store after an
// image was received, which is for Adopt to decide.
//
// All methods may be called by many goroutines at once.
type Log struct {
	// set at Open, then read only
	dir    string
	opts   Options
	db     *pebble.DB
	lock   *pebble.Lock
	ctx    context.Context // ends at Close
	cancel context.CancelFunc

	// set once, by whoever comes first
	opened   atomic.Bool // Open is done: a failure is OnFatal's business
	running  atomic.Bool // NewRaft is done
	stands   atomic.Bool // Pebble stands still, with its lock
	failOnce sync.Once
	dead     chan struct{} // closed by fail
	failure  *firn.Error   // set before dead is closed

	// life is held for reading while the database is used, for writing by Close
	life   sync.RWMutex
	closed bool

	// writing is held by whoever changes entries or records, so that what is
	// checked before a write still holds when it is made. It is taken before mu.
	writing sync.Mutex

	// guarded by mu, which is never held while the disk is written
	mu          sync.Mutex
	first, last uint64 // 0, 0: the log is empty
	sizes       sizes
	snapshot    raft.SnapshotMeta // Index 0: none
	received    raft.SnapshotMeta // Index 0: none

	stable stable

	// committing is held while a batch is written, so that batches are numbered
	// in the order in which they reach the disk. It is the last lock taken.
	committing sync.Mutex
	tail       tail

	// each guards itself
	spare   spare
	written atomic.Uint64 // bytes, since Open
}

var (
	_ raft.LogStore    = (*Log)(nil)
	_ raft.StableStore = (*Log)(nil)
)

// Open opens the log in a directory, which is made if need be, and checks all
// of it. Errors: [firn.ErrUnavailable] when another process has it open,
// [firn.ErrDamaged] when the bytes are not what was written,
// [firn.ErrUnsupported] when a newer Firn wrote it.
func Open(dir string, opts Options) (*Log, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	l := &Log{dir: dir, opts: opts, dead: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if opts.ReadOnly {
		if _, err := opts.FS.Stat(dir); err != nil {
			return nil, l.damaged("its directory cannot be opened: %v", err)
		}
	} else if err := opts.FS.MkdirAll(dir, 0o755); err != nil {
		return nil, firn.Errorf(firn.ErrUnavailable, "the directory %s for the Raft log cannot be made: %v", dir, err)
	}
	var err error
	if l.lock, err = pebble.LockDirectory(dir, opts.FS); err != nil {
		return nil, lockError(dir, err)
	}
	if err := l.guard(l.start); err != nil {
		return nil, l.word(err)
	}
	l.opened.Store(true)
	if failure := l.alive(); failure != nil { // in the background, just now
		return nil, l.Close()
	}
	return l, nil
}

// start opens the store, and closes it again if anything is wrong, however
// Pebble says so.
func (l *Log) start() (err error) {
	sound := false
	defer func() {
		if !sound || l.alive() != nil {
			l.shut()
		}
	}()
	if !l.opts.ReadOnly {
		if err := dropSpare(l.opts.FS, l.dir); err != nil {
			return err
		}
	}
	if l.db, err = pebble.Open(l.dir, l.pebbleOptions()); err != nil {
		return err
	}
	if err := l.load(); err != nil {
		return err
	}
	if err := l.openTail(); err != nil {
		return err
	}
	sound = true
	return nil
}

// lockError tells a directory that is in use from one that cannot be locked.
func lockError(dir string, err error) *firn.Error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) || err.Error() == "lock held by current process" {
		return firn.Errorf(firn.ErrUnavailable, "the directory %s is in use by another process (or another node in this one); stop that first", dir)
	}
	return firn.Errorf(firn.ErrUnavailable, "the directory %s of the Raft log cannot be locked: %v", dir, err)
}

func (l *Log) pebbleOptions() *pebble.Options {
	logger := pebbleLogger{l, l.opts.Logger}
	o := &pebble.Options{
		FS:                 l.fs(),
		ReadOnly:           l.opts.ReadOnly,
		Lock:               l.lock,
		Logger:             logger,
		FormatMajorVersion: pebbleFormat,
		// Pebble takes the memory of its tables out of the cache's.
		CacheSize:    l.opts.CacheBytes + memTablesMax*int64(l.opts.MemTableBytes),
		MemTableSize: l.opts.MemTableBytes,

		DisableAutomaticCompactions: l.opts.noCompactions,
		// Flushes lag behind for a moment under load; entries must not wait for them.
		MemTableStopWritesThreshold: memTablesMax,
		// Truncated entries give their space back although nothing else is written.
		FlushDelayDeleteRange: 10 * time.Second,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { l.fail(fmt.Errorf("in the background: %w", err)) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				l.fail(firn.Errorf(firn.ErrDamaged, "the Raft log in %s is damaged: %s: %v", l.dir, info.Path, info.Details))
			},
		},
	}
	// Entries live shortly and are written once: compressing them costs more
	// than the space they take.
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	return o
}

// Running says that raft.NewRaft has returned. See "When the disk fails" in the
// package comment.
func (l *Log) Running() { l.running.Store(true) }

// enter keeps the database open until leave is called.
func (l *Log) enter() error {
	l.life.RLock()
	if l.closed {
		l.life.RUnlock()
		return firn.Errorf(firn.ErrUnavailable, "the Raft log in %s is closed", l.dir)
	}
	if err := l.alive(); err != nil {
		l.life.RUnlock()
		return err
	}
	return nil
}

func (l *Log) leave() { l.life.RUnlock() }

// commit writes a batch, synced. An error of the disk ends the log.
func (l *Log) commit(b *pebble.Batch) error {
	var start time.Time
	if l.opts.ObserveSync != nil {
		start = time.Now()
	}
	l.committing.Lock()
	defer l.committing.Unlock()
	defer l.wrote(uint64(b.Len()))
	err := l.guard(func() error {
		if err := l.tail.number(b); err != nil {
			return err
		}
		if planted.Is(planted.RaftLogUnsynced) || planted.Is(planted.ShortLogVotes) { // what was acknowledged goes with the power
			return l.db.Apply(b, pebble.NoSync)
		}
		return l.db.Apply(b, pebble.Sync)
	})
	if err != nil {
		return l.fail(err)
	}
	l.tail.count++
	if err := l.tail.write(); err != nil {
		return l.fail(fmt.Errorf("write the file %s: %w", tailName, err))
	}
	if l.opts.ObserveSync != nil {
		l.opts.ObserveSync(time.Since(start))
	}
	return nil
}

// Close closes the log. Raft must have been shut down. A log that has failed is
// closed as far as it can be, and the failure is returned; Pebble may wait for
// work that will never be done, and then the directory stays locked until the
// process ends.
func (l *Log) Close() error {
	l.life.Lock()
	if l.closed {
		l.life.Unlock()
		return nil
	}
	l.closed = true
	l.life.Unlock()
	l.cancel()
	l.spare.making.Wait()
	if err := l.alive(); err == nil {
		return errors.Join(l.guard(l.db.Close), l.tail.close(), l.lock.Close())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.shut()
	}()
	late := time.NewTimer(l.opts.closeMax)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	return l.failure
}

// shut closes what is open, as far as a store that has failed can be closed.
func (l *Log) shut() {
	defer func() { _ = recover() }() // the failure is what counts
	_ = l.tail.close()
	if l.stands.Load() {
		return
	}
	if l.db != nil {
		_ = l.db.Close()
	}
	_ = l.lock.Close()
}
