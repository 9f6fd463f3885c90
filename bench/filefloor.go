package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	syncBlockBytes = 4 << 10
	syncSamples    = 41
)

// fileFloor is the least that a durable answer costs on this disk: one file,
// one goroutine, one write and one sync for all who wait.
type fileFloor struct {
	file *os.File // every block was written once, so that a sync has no metadata to write
	size int64

	mu      sync.Mutex
	pending []byte       // what waits to be written
	waiting []chan error // who waits for it
	closed  bool

	wake   chan struct{} // one place: something is pending, or the floor is closed
	ended  chan struct{}
	offset int64 // owned by the writing goroutine
}

// openFileFloor makes the file in the directory. Its size must be at least what
// waits at once, in bytes.
func openFileFloor(dir string, size int64) (*fileFloor, error) {
	file, err := os.CreateTemp(dir, "firn-bench-floor-*")
	if err != nil {
		return nil, fmt.Errorf("the floor's file: %w", err)
	}
	f := &fileFloor{
		file: file, size: size,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if err := f.fill(); err != nil {
		file.Close()
		os.Remove(file.Name())
		return nil, fmt.Errorf("the floor's file %s of %d MiB: %w", file.Name(), f.size>>20, err)
	}
	go f.write()
	return f, nil
}

// fill allocates the file and writes it once.
func (f *fileFloor) fill() error {
	if err := allocate(f.file, f.size); err != nil {
		return err
	}
	piece := make([]byte, 1<<20)
	for at := int64(0); at < f.size; at += int64(len(piece)) {
		if _, err := f.file.WriteAt(piece[:min(int64(len(piece)), f.size-at)], at); err != nil {
			return err
		}
	}
	return f.file.Sync()
}

// close ends the goroutine and removes the file. Nobody may be waiting.
func (f *fileFloor) close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.signal()
	<-f.ended
	err := f.file.Close()
	if removeErr := os.Remove(f.file.Name()); err == nil {
		err = removeErr
	}
	return err
}

// client returns the call of one client: hand in the records, wait until they
// are synced.
func (f *fileFloor) client(records []byte, events int) call {
	answer := make(chan error, 1)
	return func(_ context.Context, lap func(int) bool) error {
		f.mu.Lock()
		f.pending = append(f.pending, records...)
		f.waiting = append(f.waiting, answer)
		f.mu.Unlock()
		f.signal()
		if err := <-answer; err != nil {
			return err
		}
		lap(events)
		return nil
	}
}

func (f *fileFloor) signal() {
	select {
	case f.wake <- struct{}{}:
	default: // it is awake, or about to be
	}
}

// write takes everything that waits, writes it, syncs it, and wakes all who
// waited; and so on until the floor is closed.
func (f *fileFloor) write() {
	defer close(f.ended)
	var taken []byte
	var woken []chan error
	for range f.wake {
		f.mu.Lock()
		taken, f.pending = f.pending, taken[:0]
		woken, f.waiting = f.waiting, woken[:0]
		closed := f.closed
		f.mu.Unlock()
		if len(woken) > 0 {
			err := f.store(taken)
			for _, answer := range woken {
				answer <- err
			}
		}
		if closed {
			return
		}
	}
}

// store writes and syncs, at the file's beginning again when its end is
// reached: the blocks are all allocated, so it costs the same there.
func (f *fileFloor) store(b []byte) error {
	if f.offset+int64(len(b)) > f.size {
		f.offset = 0
	}
	if _, err := f.file.WriteAt(b, f.offset); err != nil {
		return err
	}
	f.offset += int64(len(b))
	return datasync(f.file)
}

// syncTime returns the median time of one write of 4 KiB and its sync, while
// nothing else uses the file.
func (f *fileFloor) syncTime() (time.Duration, error) {
	block := make([]byte, syncBlockBytes)
	times := make([]time.Duration, syncSamples)
	for i := range times {
		start := time.Now()
		if _, err := f.file.WriteAt(block, int64(i*syncBlockBytes)); err != nil {
			return 0, err
		}
		if err := datasync(f.file); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
