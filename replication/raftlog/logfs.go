package raftlog

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn/internal/diskfs"
)

// logFS adds to diskfs.FS what concerns write-ahead logs, which only this
// store of Firn's has.
//
// When Pebble changes to a new write-ahead log and the last write to the old one
// fails, or the new one cannot be made, it panics in a state in which even
// unwinding the stack ends the process (a lock is released twice). So there the
// goroutine, which is one of guard's, stands still for good, and with it Pebble's
// lock: from then on there is nothing to close.
//
// And a new write-ahead log is written over the spare, where there is one.
type logFS struct {
	diskfs.FS
	spare *spare
}

func (l *Log) fs() logFS {
	return logFS{diskfs.FS{FS: l.opts.FS, Fail: func(err error) {
		still := changesLog()
		if still {
			l.stands.Store(true) // before anybody closes the log because of this
		}
		_ = l.fail(err)
		if still {
			select {}
		}
	}}, &l.spare}
}

func (d logFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !isLog(name) {
		return d.FS.Create(name, category)
	}
	if path, ok := d.spare.take(); ok {
		return d.ReuseForWrite(path, name, category)
	}
	f, err := d.FS.Create(name, category)
	return d.logFile(f, name, err)
}

func (d logFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(oldname, newname, category)
	if !isLog(newname) {
		return f, err
	}
	return d.logFile(f, newname, err)
}

func (d logFS) logFile(f vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, d.failed("make", name, err)
	}
	return &logFile{File: f, fs: d, name: name}, nil
}

// failed hands an error on, and does not return while Pebble changes to a new
// write-ahead log.
func (d logFS) failed(what, name string, err error) error {
	if changesLog() {
		d.Fail(fmt.Errorf("%s the file %s: %w", what, name, err))
	}
	return err
}

// changesLog reports whether the calling goroutine is where Pebble changes to a
// new write-ahead log. It is asked once something has failed.
func changesLog() bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, ".(*DB).rotateWAL") {
			return true
		}
		if !more {
			return false
		}
	}
}

// logFile is a write-ahead log that is being written. Pebble writes it on a
// goroutine of its own, and learns what became of that when it closes it.
type logFile struct {
	vfs.File
	fs    logFS
	name  string
	fault atomic.Pointer[error] // of a write or sync
}

func (f *logFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.note(err)
}

func (f *logFile) Sync() error     { return f.note(f.File.Sync()) }
func (f *logFile) SyncData() error { return f.note(f.File.SyncData()) }

func (f *logFile) note(err error) error {
	if err == nil {
		return nil
	}
	f.fault.CompareAndSwap(nil, &err)
	return f.fs.failed("write", f.name, err)
}

func (f *logFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		err = f.fs.failed("look at", f.name, err)
	}
	return info, err
}

// Close closes the file, unless it lacks something.
func (f *logFile) Close() error {
	if fault := f.fault.Load(); fault != nil {
		_ = f.fs.failed("write", f.name, *fault)
	}
	err := f.File.Close()
	if err != nil {
		err = f.fs.failed("close", f.name, err)
	}
	return err
}
