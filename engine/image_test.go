package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest"
)

// imageOf returns an image of a store with some events, and what it holds.
func imageOf(t *testing.T, s *enginetest.Store) ([]byte, engine.ImageInfo) {
	t.Helper()
	info, err := s.Engine().Checkpoint("checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	info.Extra = []byte("the configuration")
	var image bytes.Buffer
	if err := engine.WriteImage(s.FS(), "checkpoint", info, engine.ImageOptions{}, &image); err != nil {
		t.Fatal(err)
	}
	size, err := engine.ImageBytes(s.FS(), "checkpoint", info)
	if err != nil || size != int64(image.Len()) {
		t.Fatalf("ImageBytes says %d (%v), the image has %d", size, err, image.Len())
	}
	return image.Bytes(), info
}

// filled returns a store with a number of events in a few streams.
func filled(t *testing.T, events int) *enginetest.Store {
	t.Helper()
	s := enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 16}})
	s.Apply(&command.Found{Cluster: [16]byte{1}, History: [16]byte{2}})
	for i := range events {
		if _, err := s.Append(t.Context(), firn.To(fmt.Sprintf("s-%d", i%5), firn.Any, firn.Draft{Type: "T", Data: fmt.Appendf(nil, "%d", i)})); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func all(t *testing.T, e *engine.Engine) string {
	t.Helper()
	var b bytes.Buffer
	for event, err := range e.Read(t.Context(), firn.Query{All: true, System: true}, time.Now()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, event.Position, event.Stream, event.Revision, event.ID, string(event.Data))
	}
	return b.String()
}

// A store takes an image in at its next start, whole or not at all, whenever
// the machine stops.
func TestImageSurvivesACrashAtEveryStep(t *testing.T) {
	source := filled(t, 100)
	image, info := imageOf(t, source)
	want := all(t, source.Engine())

	for _, kept := range []int{0, 50, 100} {
		for step := 0; ; step++ {
			disk := &steppedFS{MemFS: vfs.NewCrashableMem(), stopAt: -1}
			old, err := engine.Open("e", engine.Options{FS: disk, CacheBytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			item := command.AppendItem(nil, &command.Append{Writes: []command.Write{{Stream: []byte("old"), Expect: firn.None}}})
			if _, err := old.Apply([]engine.Entry{{Index: 1, Term: 1, Data: command.AppendEntry(nil, 1, item)}}); err != nil {
				t.Fatal(err)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}

			// The machine stops after so many steps of receiving and opening;
			// the state of the disk at that moment is what comes back.
			disk.stop(step, vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(uint64(step), 7))})
			received, err := engine.ReceiveImage(disk, "e", bytes.NewReader(image))
			if err != nil {
				t.Fatal(err)
			}
			if received.Chain != info.Chain || string(received.Extra) != string(info.Extra) {
				t.Fatalf("received %+v, sent %+v", received, info)
			}
			receivedAt, _ := disk.taken()
			e, err := engine.Open("e", engine.Options{FS: disk, CacheBytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			if got := all(t, e); got != want {
				t.Fatal("the image holds other events")
			}
			e.Close()
			steps, crashed := disk.taken()
			if crashed == nil {
				break // the last step is behind us
			}

			after, err := engine.Open("e", engine.Options{FS: crashed, CacheBytes: 1 << 20})
			if err != nil {
				t.Fatalf("kept %d %%, stopped at step %d of %d: %v", kept, step, steps, err)
			}
			index, _ := after.Applied()
			switch {
			case index == info.Index && all(t, after) == want:
			case index == 1 && step <= receivedAt: // the old store; the image had not arrived
			default:
				t.Fatalf("kept %d %%, stopped at step %d (received at %d): neither the old store nor the image, but index %d", kept, step, receivedAt, index)
			}
			if err := after.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// steppedFS counts what changes directories or makes things durable, and keeps
// the state of the disk right before one of these steps.
type steppedFS struct {
	*vfs.MemFS

	mu            sync.Mutex // Pebble removes old files in the background
	steps, stopAt int
	cfg           vfs.CrashCloneCfg
	crashed       *vfs.MemFS
}

// taken returns how many steps there were, and the disk as it was at the one
// chosen, nil where that one was not reached.
func (f *steppedFS) taken() (int, *vfs.MemFS) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps, f.crashed
}

func (f *steppedFS) stop(at int, cfg vfs.CrashCloneCfg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopAt, f.cfg = at, cfg
}

func (f *steppedFS) step() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopAt >= 0 && f.steps == f.stopAt && f.crashed == nil {
		f.crashed = f.CrashClone(f.cfg)
	}
	if f.stopAt >= 0 {
		f.steps++
	}
}

func (f *steppedFS) Remove(name string) error    { f.step(); return f.MemFS.Remove(name) }
func (f *steppedFS) RemoveAll(name string) error { f.step(); return f.MemFS.RemoveAll(name) }
func (f *steppedFS) Rename(from, to string) error {
	f.step()
	return f.MemFS.Rename(from, to)
}
func (f *steppedFS) OpenDir(name string) (vfs.File, error) { f.step(); return f.MemFS.OpenDir(name) }

// Any single byte that changes on the way is found out, and so is an end that
// is missing.
func TestImageRefusesDamage(t *testing.T) {
	s := filled(t, 60)
	image, _ := imageOf(t, s)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		bad := bytes.Clone(image)
		at := rng.IntN(len(bad))
		if i < 100 {
			at = i // the head, byte by byte
		}
		bad[at] ^= 1 << rng.IntN(8)
		if i%4 == 3 {
			bad = bad[:at]
		}
		if _, err := engine.ReceiveImage(vfs.NewMem(), "e", bytes.NewReader(bad)); err == nil {
			t.Fatalf("an image with byte %d changed was taken", at)
		}
	}
}

// A checkpoint and its image hold one moment, though entries are applied
// meanwhile.
func TestCheckpointWhileApplying(t *testing.T) {
	s := filled(t, 50)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			s.Append(context.Background(), firn.To(fmt.Sprintf("t-%d", i%7), firn.Any, firn.Draft{Type: "T"}))
		}
	}()
	for i := range 5 {
		dir := fmt.Sprintf("c%d", i)
		info, err := s.Engine().Checkpoint(dir)
		if err != nil {
			t.Fatal(err)
		}
		var image bytes.Buffer
		if err := engine.WriteImage(s.FS(), dir, info, engine.ImageOptions{}, &image); err != nil {
			t.Fatal(err)
		}
		disk := vfs.NewMem()
		if _, err := engine.ReceiveImage(disk, "e", &image); err != nil {
			t.Fatal(err)
		}
		e, err := engine.Open("e", engine.Options{FS: disk, CacheBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if index, chain := e.Chain(); index != info.Index || chain != info.Chain {
			t.Errorf("the copy is at %d, %x; the info says %d, %x", index, chain, info.Index, info.Chain)
		}
		if head, _ := e.Head(); head != info.Head {
			t.Errorf("the copy's head is %d; the info says %d", head, info.Head)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	<-done
}

// An image that is waiting can be asked for and given up; then the store is as
// it was.
func TestImageWaitsAndIsDropped(t *testing.T) {
	image, info := imageOf(t, filled(t, 40))
	disk := vfs.NewMem()
	old := openOn(t, disk, engine.Settings{})
	if _, err := old.Apply(entriesOf(1, 3)); err != nil {
		t.Fatal(err)
	}
	index, chain := old.Chain()
	if _, ok, err := engine.ImageWaiting(disk, "e"); ok || err != nil {
		t.Errorf("before any image: %t, %v", ok, err)
	}
	if _, err := engine.ReceiveImage(disk, "e", bytes.NewReader(image)); err != nil { // while the store is open
		t.Fatal(err)
	}
	if waiting, ok, err := engine.ImageWaiting(disk, "e"); !ok || err != nil || waiting.Chain != info.Chain || string(waiting.Extra) != "the configuration" {
		t.Errorf("waiting is %+v, %t, %v", waiting, ok, err)
	}
	if err := engine.DropImage(disk, "e"); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	again := openOn(t, disk, engine.Settings{})
	defer again.Close()
	if i, c := again.Chain(); i != index || c != chain {
		t.Errorf("after the image was dropped the store is at %d, %x; it was at %d, %x", i, c, index, chain)
	}
}
