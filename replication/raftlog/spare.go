package raftlog

import (
	"errors"
	"os"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A synced write into a file's new blocks costs about twice as much as one over
// blocks that were written before, because the file system has to sync what it
// says about the blocks as well. Pebble writes over the write-ahead logs that it
// no longer needs, but only once it has some, which a quiet node may reach after
// days. So a log that is in use at all gets a first one to write over: a file
// of zeros, made on the side, into which Pebble is then made to change.
//
// Zeros behind the end of a write-ahead log are what Pebble's own preallocation
// leaves there, so a reader makes nothing of them.
const (
	spareName = "spare"

	// spareAfterBytes is how much must have been written before a spare is
	// worth its space: what only starts and stops makes none.
	spareAfterBytes = 256 << 10
)

// spare is a file that the next write-ahead log is written over.
type spare struct {
	once   sync.Once // makes it
	making sync.WaitGroup

	mu   sync.Mutex
	path string // "": there is none
}

// take returns the spare's path, once.
func (s *spare) take() (path string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, s.path = s.path, ""
	return path, path != ""
}

// wrote counts what a batch has written, and has the spare made when it is time.
func (l *Log) wrote(bytes uint64) {
	if l.written.Add(bytes) < spareAfterBytes {
		return
	}
	l.spare.once.Do(func() { l.spare.making.Go(l.makeSpare) })
}

// makeSpare makes the spare and has Pebble change into it. Without one the log
// is slower and nothing else, so a failure to make it is only logged.
func (l *Log) makeSpare() {
	path := l.opts.FS.PathJoin(l.dir, spareName)
	// Pebble begins a new log when the memory table is full; the log has
	// headers beside what is in the table.
	size := int(l.opts.MemTableBytes + l.opts.MemTableBytes/8)
	if err := l.fill(path, size); err != nil {
		l.opts.Logger.Warn("no file could be made for the Raft log to write over", "path", path, "error", err)
		return
	}
	l.spare.mu.Lock()
	l.spare.path = path
	l.spare.mu.Unlock()
	if err := l.enter(); err != nil {
		return
	}
	defer l.leave()
	_ = l.guard(func() error {
		_, err := l.db.AsyncFlush()
		return err
	})
}

// fill writes a file of zeros, synced, a little at a time, so that the log's own
// writes are not held up. It ends when the log is closed.
func (l *Log) fill(path string, size int) (err error) {
	f, err := l.opts.FS.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zeros := make([]byte, 1<<20)
	for done := 0; done < size; done += len(zeros) {
		if l.ctx.Err() != nil {
			return l.ctx.Err()
		}
		if _, err := f.Write(zeros); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// dropSpare removes a spare that an earlier process has left unused.
func dropSpare(fs vfs.FS, dir string) error {
	err := fs.Remove(fs.PathJoin(dir, spareName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }
