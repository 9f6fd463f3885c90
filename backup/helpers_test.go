package backup_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/backup"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// store is a store of which backups are taken.
type store struct {
	*enginetest.Store
	t      *testing.T
	images int
}

func newStore(t *testing.T) *store {
	s := &store{Store: enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 16}}), t: t}
	s.Apply(&command.Found{Cluster: [16]byte{1}, History: [16]byte{2}})
	s.fill(40)
	return s
}

func (s *store) fill(events int) {
	s.t.Helper()
	for i := range events {
		if _, err := s.Append(s.t.Context(), firn.To(fmt.Sprintf("s-%d", i%5), firn.Any, firn.Draft{Type: "T", Data: fmt.Appendf(nil, "%d", i)})); err != nil {
			s.t.Fatal(err)
		}
	}
}

// image returns the bytes that a node would send to whoever holds these files.
func (s *store) image(held map[backup.Sum]int64) []byte {
	s.t.Helper()
	s.images++
	dir := fmt.Sprintf("checkpoint%d", s.images)
	info, err := s.Engine().Checkpoint(dir)
	if err != nil {
		s.t.Fatal(err)
	}
	o := engine.ImageOptions{Held: map[[sha256.Size]byte]int64{}}
	for sum, size := range held {
		o.Held[sum] = size
	}
	var b bytes.Buffer
	if err := engine.WriteImage(s.FS(), dir, info, o, &b); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

// take takes a backup of an image that image makes.
func take(t *testing.T, fs vfs.FS, image func(held map[backup.Sum]int64) []byte) (*backup.Manifest, *backup.Taking, error) {
	place, err := backup.Create(fs, "place")
	if err != nil {
		return nil, nil, err
	}
	taking, err := place.Take()
	if err != nil {
		return nil, nil, err
	}
	defer taking.Close()
	m, err := taking.Receive(t.Context(), bytes.NewReader(image(taking.Held())), backup.Source{Node: "n1", Release: "test", Taken: noon}, func(int64) {})
	return m, taking, err
}

// sound fails the test unless the place's backups are whole, and returns their
// names.
func sound(t *testing.T, fs vfs.FS) (names []string) {
	t.Helper()
	place, err := backup.Open(fs, "place")
	if err != nil {
		t.Fatal(err)
	}
	list, faults, err := place.Verify(t.Context(), func(int64, int64) {})
	if err != nil || len(faults) > 0 {
		t.Fatalf("verifying the backups: %v, %q", err, faults)
	}
	for _, b := range list {
		names = append(names, b.Name)
	}
	return names
}

// at does something at the n-th operation on a disk.
type at struct {
	mu   sync.Mutex
	n    int // counts down
	do   func() error
	kept bool // and at each after it
}

func (a *at) String() string { return "at" }

func (a *at) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n--
	if a.n == 0 || a.kept && a.n < 0 {
		return a.do()
	}
	return nil
}

// reached reports whether there were so many operations.
func (a *at) reached() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n <= 0
}

// newStranger returns a store of another cluster.
func newStranger(t *testing.T) *store {
	s := &store{Store: enginetest.Open(t, enginetest.Options{}), t: t}
	s.Apply(&command.Found{Cluster: [16]byte{9}, History: [16]byte{2}})
	s.fill(3)
	return s
}
