package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// Something missing in a damaged store is never taken for a delete: every kind
// of read that comes past it says so, with the place.
func TestReadsNameWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name, key string
		skip      int
		q         firn.Query
	}{
		{"an event inside a stream", "e\x00\x00\x00\x01order-2\x00", 2, firn.Query{Stream: "order-2"}},
		{"an event inside a stream, backwards", "e\x00\x00\x00\x01order-2\x00", 2, firn.Query{Stream: "order-2", Backwards: true}},
		{"an entry of the index", "iorder-2\x00", 1, firn.Query{Stream: "order-2"}},
		{"an event, in a scan", "e\x00\x00\x00\x01order-2\x00", 2, firn.Query{All: true}},
		{"an event, fetched by itself", "e\x00\x00\x00\x01order-2\x00", 2, firn.Query{All: true, From: firn.PositionPoint(25), Limit: 24}},
		{"a list of events", "o\x00\x00\x00\x01", 0, firn.Query{All: true, From: firn.PositionPoint(30), Limit: 2}},
		{"a table of ids", "c\x00\x00\x00\x01", 0, firn.Query{ID: firn.ID{1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := storeToDamage(t)
			p := planter{t: t, e: e, from: c.key}
			p.find(c.skip)
			p.removeKey()
			var failed error
			for _, err := range e.Read(t.Context(), c.q, time.UnixMicro(1_000_300)) {
				if err != nil {
					failed = err
				}
			}
			if !errors.Is(failed, firn.ErrDamaged) {
				t.Errorf("the read ended with %v", failed)
			}
		})
	}
}

// A flipped bit in a record is found by who reads it, and by nobody else.
func TestReadsRefuseADamagedRecord(t *testing.T) {
	e := storeToDamage(t)
	p := planter{t: t, e: e, from: "e\x00\x00\x00\x01order-3\x00"}
	p.find(0)
	p.value[len(p.value)-6] ^= 1 // within the client part
	p.set()
	read := func(q firn.Query) (err error) {
		for _, err = range e.Records(t.Context(), q, time.UnixMicro(1_000_300)) {
		}
		return err
	}
	for _, q := range []firn.Query{{Stream: "order-3"}, {All: true}, {Category: "order"}, {Stream: "order-3", Types: []string{"T"}}} {
		if err := read(q); !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), "order-3") {
			t.Errorf("read %+v ended with %v", q, err)
		}
	}
	if err := read(firn.Query{Stream: "order-2"}); err != nil {
		t.Errorf("another stream: %v", err)
	}
}

// A disk that fails ends the store: it says so once, and nothing is
// acknowledged as durable afterwards.
func TestAWriteErrorIsFatal(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("no space left on device")
		}
		return nil
	}))
	told := make(chan error, 10)
	e, err := engine.Open("e", engine.Options{FS: fs, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler), OnFatal: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Apply(entriesOf(1, 5)); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if _, _, err := e.Flush(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Flush says %v; nothing could be written", err)
	}
	if err := <-told; !strings.Contains(err.Error(), "no space left") {
		t.Errorf("OnFatal was told %v", err)
	}
	if _, _, err := e.Flush(); err == nil {
		t.Error("a second Flush says that all is durable")
	}
	broken.Store(false)
	if err := e.Close(); err == nil || len(told) > 0 {
		t.Errorf("Close says %v; OnFatal was told %d times more", err, len(told))
	}
}

// What is wrong with a directory is said in words.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	fs := vfs.NewMem()
	e := openOn(t, fs, engine.Settings{})
	if _, err := engine.Open("e", engine.Options{FS: fs}); !errors.Is(err, firn.ErrUnavailable) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a directory in use: %v", err)
	}
	if err := e.DB().Set([]byte("mformat"), []byte{1, 9}, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Open("e", engine.Options{FS: fs}); !errors.Is(err, firn.ErrUnsupported) || !strings.Contains(err.Error(), "format 9") {
		t.Errorf("a format of a later release: %v", err)
	}
	for _, bad := range []engine.Options{{CacheBytes: 5}, {Settings: engine.Settings{LayerEvents: -1}}, {Settings: engine.Settings{Window: 1 << 40}}} {
		bad.FS = vfs.NewMem()
		if _, err := engine.Open("e", bad); !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("options %+v: %v", bad, err)
		}
	}
}

// A closed store answers so, also to those who wait and to reads under way.
func TestClose(t *testing.T) {
	s := storeToDamage(t)
	waited := make(chan error, 2)
	go func() { waited <- s.WaitHead(context.Background(), 1<<40) }()
	go func() { waited <- s.WaitApplied(context.Background(), 1<<40) }()
	for range s.Read(t.Context(), firn.Query{All: true}, time.UnixMicro(1_000_300)) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		break
	}
	for range 2 {
		if err := <-waited; !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("a wait ended with %v", err)
		}
	}
	if _, err := s.Apply(entriesOf(1, 1)); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("Apply: %v", err)
	}
	if _, _, err := s.Flush(); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("Flush: %v", err)
	}
	for _, err := range s.Streams(t.Context(), firn.StreamQuery{}, time.Now()) {
		if !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("Streams: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// A reader holds nothing of Pebble's while it waits for its consumer, so any
// number of them can stop half way.
func TestReadersMayStopHalfWay(t *testing.T) {
	e := storeToDamage(t)
	for i := range 50 {
		for _, q := range []firn.Query{{All: true}, {Stream: "order-1"}, {Category: "order", Backwards: true}} {
			n := 0
			for _, err := range e.Records(t.Context(), q, time.UnixMicro(1_000_300)) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n > i {
					break
				}
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range e.Read(ctx, firn.Query{All: true}, time.Now()) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a read without time: %v", err)
		}
	}
	if s, err := e.Stats(); err != nil || s.Events == 0 || s.Streams != 4 || s.Layers == 0 {
		t.Errorf("stats %+v, %v", s, err)
	}
}
