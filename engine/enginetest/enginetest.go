package enginetest

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/subscription"
)

// Dir is where the store lies on its disk.
const Dir = "engine"

// Options say what is special about a test's engine. The zero value is an
// engine as nodes have it, but with little cache.
type Options struct {
	Settings   engine.Settings
	CacheBytes int64            // 0: 8 MiB
	Now        func() time.Time // nil: time.Now

	Subscription subscription.Options // of [Store.Subscribe]

	Seed uint64 // of what a crash keeps
}

// Store is an engine under test, with the log that a Raft group would keep.
type Store struct {
	t    testing.TB
	o    Options
	rand *rand.Rand

	mu     sync.Mutex
	fs     *vfs.MemFS
	engine *engine.Engine
	log    []engine.Entry // log[i].Index is i+1
	chain  []uint64       // the chain after log[i], where it was seen; else 0
}

// Open opens an empty store, and verifies it when the test ends.
func Open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{t: t, o: o, rand: rand.New(rand.NewPCG(o.Seed, 1)), fs: vfs.NewCrashableMem()}
	s.open()
	t.Cleanup(s.finish)
	return s
}

// Engine returns the engine as it is open now. A crash or a restart ends it.
func (s *Store) Engine() *engine.Engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine
}

// FS returns the disk.
func (s *Store) FS() *vfs.MemFS {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fs
}

func (s *Store) options() engine.Options {
	return engine.Options{
		FS: s.fs, CacheBytes: s.o.CacheBytes, Settings: s.o.Settings,
		Logger:  slog.New(slog.NewTextHandler(io.Discard, nil)),
		OnFatal: func(err error) { s.t.Errorf("the engine gave up: %v", err) },
	}
}

// open opens the engine on the disk and applies again what it has not kept.
func (s *Store) open() {
	s.t.Helper()
	e, err := engine.Open(Dir, s.options())
	if err != nil {
		s.t.Fatalf("open: %v", err)
	}
	s.engine = e
	index, _ := e.Applied()
	if index > uint64(len(s.log)) {
		s.t.Fatalf("the engine has applied index %d; the log ends at %d", index, len(s.log))
	}
	s.compareChain()
	// In groups of another size than before, for that must change nothing.
	for index < uint64(len(s.log)) {
		n := min(1+s.rand.Uint64N(7), uint64(len(s.log))-index)
		if _, err := e.Apply(s.log[index : index+n]); err != nil {
			s.t.Fatalf("replaying entries %d to %d: %v", index+1, index+n, err)
		}
		index += n
		s.compareChain()
	}
}

// compareChain compares the hash chain with the one that was seen the first
// time that the same entry was applied.
func (s *Store) compareChain() {
	s.t.Helper()
	index, chain := s.engine.Chain()
	if index == 0 {
		return
	}
	if before := s.chain[index-1]; before != 0 && before != chain {
		s.t.Fatalf("after entry %d the chain was %016x, and is now %016x", index, before, chain)
	}
	s.chain[index-1] = chain
}

// Crash loses the machine: of what was not synced, about so many percent are
// kept, in blocks chosen at random. Then the engine is opened again and applies
// what it has lost from the log.
func (s *Store) Crash(keptPercent int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	after := s.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: keptPercent, RNG: s.rand})
	s.engine.Close() // frees its memory; what it still writes goes to the lost disk
	s.fs = after
	s.open()
}

// Restart closes the engine cleanly and opens it again.
func (s *Store) Restart() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.engine.Close(); err != nil {
		s.t.Fatalf("close: %v", err)
	}
	s.open()
}

// finish verifies every invariant, then closes the engine.
func (s *Store) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	report, err := s.engine.Verify(context.Background(), nil)
	if err != nil {
		s.t.Errorf("verify: %v", err)
	}
	for _, fault := range report.Faults {
		s.t.Errorf("verify: %v", fault)
	}
	if err := s.engine.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
}
