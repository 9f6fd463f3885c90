package server

import (
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What is written counts in the pages that a disk gets, once for each sync.
func TestWrittenFS(t *testing.T) {
	var bytes atomic.Uint64
	fs := writtenFS{vfs.NewMem(), &bytes}
	f, err := fs.OpenReadWrite("a", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	do := func(_ int, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	pages := func(want uint64) {
		t.Helper()
		if got := bytes.Swap(0); got != want*4096 {
			t.Errorf("%d bytes count, want %d pages", got, want)
		}
	}
	sync := func() { t.Helper(); do(0, f.Sync()) }

	sync()
	pages(0)
	do(f.Write(make([]byte, 100)))
	do(f.Write(make([]byte, 100)))
	pages(0)
	sync()
	pages(1)
	do(f.Write(make([]byte, 4096))) // ends in the second page
	sync()
	pages(2)
	do(f.WriteAt(make([]byte, 1), 4095))
	do(f.WriteAt(make([]byte, 1), 4096))
	do(0, f.SyncData())
	pages(2)
	do(f.WriteAt(make([]byte, 1), 4096*10))
	do(f.WriteAt(make([]byte, 8192), 4096*20)) // elsewhere
	_, err = f.SyncTo(4096 * 22)
	do(0, err)
	pages(3)
	do(f.WriteAt(make([]byte, 1), 0))
	do(0, f.Close())
	pages(1)
	if _, err := fs.Create("no/such/directory", vfs.WriteCategoryUnspecified); err == nil {
		t.Error("made a file in a directory that is not there")
	}
}
