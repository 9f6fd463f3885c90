package server

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writtenFS counts what is written to its files as a disk gets it: what lies
// between two syncs of a file, in whole pages.
//
// The kernel has such a count for a process, write_bytes of proc_pid_io(5), but
// takes a folio of the page cache for written as a whole when one byte of it is,
// and a folio of a large file may have megabytes.
type writtenFS struct {
	vfs.FS
	bytes *atomic.Uint64
}

// pageBytes is the least that a disk is given.
const pageBytes = 4096

func (w writtenFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return w.counted(w.FS.Create(name, category))
}

func (w writtenFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return w.counted(w.FS.OpenReadWrite(name, category, opts...))
}

func (w writtenFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return w.counted(w.FS.ReuseForWrite(old, name, category))
}

// Unwrap returns the file system below.
func (w writtenFS) Unwrap() vfs.FS { return w.FS }

func (w writtenFS) counted(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &writtenFile{File: f, bytes: w.bytes}, nil
}

// writtenFile is a file of a writtenFS. It counts a stretch of bytes once it is
// synced, or something is written elsewhere.
type writtenFile struct {
	vfs.File
	bytes *atomic.Uint64

	mu       sync.Mutex
	at       int64 // where Write goes on
	from, to int64 // was written, and is not counted yet
}

func (f *writtenFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrote(f.at, n)
	f.at += int64(n)
	return n, err
}

func (f *writtenFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrote(at, n)
	return n, err
}

func (f *writtenFile) Sync() error {
	f.count()
	return f.File.Sync()
}

func (f *writtenFile) SyncData() error {
	f.count()
	return f.File.SyncData()
}

func (f *writtenFile) SyncTo(length int64) (bool, error) {
	f.count()
	return f.File.SyncTo(length)
}

func (f *writtenFile) Close() error {
	f.count()
	return f.File.Close()
}

func (f *writtenFile) wrote(at int64, n int) {
	if at != f.to {
		f.settle()
		f.from = at
	}
	f.to = at + int64(n)
}

func (f *writtenFile) count() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle()
}

// settle counts the pages of the stretch.
func (f *writtenFile) settle() {
	if f.to > f.from {
		f.bytes.Add(uint64((f.to+pageBytes-1)/pageBytes-f.from/pageBytes) * pageBytes)
	}
	f.from = f.to
}
