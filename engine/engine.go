package engine

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

// Engine is an open store. Apply is for one goroutine, everything else for any
// number of them.
type Engine struct {
	// Set at Open, then read only.
	fs       vfs.FS
	data     string // Pebble's directory
	readOnly bool
	knows    uint64 // the highest cluster version that this node can do
	log      *slog.Logger
	db       *pebble.DB
	lock     io.Closer
	failed   *failure
	layers   *layerCache
	held     chan struct{} // holds one for each layer that followers hold beside the cache
	closed   chan struct{} // closed by Close

	// Owned by the goroutine that calls Apply.
	a      *applier
	broken error // why Apply has given up

	// What readers may see: replaced after each batch, never changed.
	seen atomic.Pointer[seen]

	swept atomic.Uint64 // the position of the newest scavenge by which all that is gone is removed

	// Held shared by every call while it uses Pebble, exclusively by Close.
	inUse    sync.RWMutex
	isClosed bool // guarded by inUse
	closing  sync.Once

	waiting sync.Mutex
	moved   chan struct{} // guarded by waiting: closed when seen is replaced; nil while nobody waits
}

// seen is the store as readers see it: all of one batch or nothing of it.
type seen struct {
	p        progress
	identity identity
	version  uint64
	settings Settings
	sealed   []sealed
	tail     *view // the open layer, which begins behind the last sealed one

	definitions *definitions
	groups      groups
	scavenges   []scavenged

	stateHits, stateMisses uint64 // of apply's cache of stream states
}

func (e *Engine) publish() {
	a := e.a
	for _, t := range a.pending {
		v := t.view
		v.ids = nil // they are in c now
		e.layers.add(&v)
	}
	clear(a.pending)
	a.pending = a.pending[:0]
	e.seen.Store(a.seen())
	e.waiting.Lock()
	defer e.waiting.Unlock()
	e.wake()
}

// seen returns the store as it is after the last item that was applied.
func (a *applier) seen() *seen {
	return &seen{
		p: a.p, identity: a.identity, version: a.version, settings: a.settings,
		sealed: a.sealed[:len(a.sealed):len(a.sealed)], tail: a.tail.snapshot(), definitions: a.definitions, groups: a.groups, scavenges: a.scavenges,
		stateHits: a.states.hits, stateMisses: a.states.miss,
	}
}

// wake wakes those who wait for the head to move. It is called under waiting.
func (e *Engine) wake() {
	if e.moved != nil {
		close(e.moved)
		e.moved = nil
	}
}

func (e *Engine) announceClosing() {
	e.waiting.Lock()
	defer e.waiting.Unlock()
	close(e.closed)
	e.wake()
}

// enter begins a call that uses Pebble. Between enter and leave nothing waits
// for a consumer, so Close never waits long.
func (e *Engine) enter() error {
	e.inUse.RLock()
	if e.isClosed {
		e.inUse.RUnlock()
		return errClosed()
	}
	return nil
}

func (e *Engine) leave() { e.inUse.RUnlock() }

func errClosed() error {
	return firn.Errorf(firn.ErrUnavailable, "the store is closed; ask another node, or this one after it has started again")
}

// Close flushes what was applied and closes the store. Reads that are under
// way end with ErrUnavailable at their next step. A store that has failed is
// closed as far as it can be, and why it has failed is the error; Pebble may wait
// for work that will never be done, and then the directory stays locked until the
// process ends.
func (e *Engine) Close() error {
	e.closing.Do(e.announceClosing) // first, so that long reads give way
	return e.failed.guard(e.close)
}

func (e *Engine) close() error {
	e.inUse.Lock()
	if e.isClosed {
		e.inUse.Unlock()
		return nil
	}
	e.isClosed = true
	e.inUse.Unlock()
	err := errors.Join(e.flush(), e.db.Close(), e.lock.Close())
	return cmp.Or(e.failed.happened(), err)
}

// Flush makes everything that was applied before the call durable, and returns
// the index and term of the last entry that is.
func (e *Engine) Flush() (index, term uint64, err error) {
	if err := e.enter(); err != nil {
		return 0, 0, err
	}
	defer e.leave()
	s := e.seen.Load()
	if err := e.flush(); err != nil {
		return 0, 0, err
	}
	return s.p.index, s.p.term, nil
}

// flush flushes Pebble's memory to disk. Pebble never gives up, so a disk that
// fails ends the wait.
func (e *Engine) flush() error {
	if err := e.failed.happened(); err != nil || e.readOnly {
		return err
	}
	flushed, err := e.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-e.failed.done:
		return e.failed.err
	}
}

// Applied returns the index and term of the last entry applied, durable or not.
func (e *Engine) Applied() (index, term uint64) {
	s := e.seen.Load()
	return s.p.index, s.p.term
}

// Head returns the last position that readers may see and its time, zero for
// an empty store.
func (e *Engine) Head() (firn.Position, time.Time) {
	s := e.seen.Load()
	return s.p.head, s.timeOfHead()
}

// Identity returns the store's cluster and history, zero before they were set.
func (e *Engine) Identity() (cluster, history [16]byte) {
	s := e.seen.Load()
	return s.identity.cluster, s.identity.history
}

// ClusterVersion returns the version that gates commands; 0 before one was set.
func (e *Engine) ClusterVersion() uint64 { return e.seen.Load().version }

// Knows returns the highest cluster version that this node can do.
func (e *Engine) Knows() uint64 { return e.knows }
