package raftlog

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn/internal/diskfs"
)

// logFS adds to diskfs.FS what concerns write-ahead logs, which only this
// store of Firn's has.
//
// When a new write-ahead log cannot be made, Pebble panics in a state in which
// even unwinding the stack ends the process (a lock is released twice). So there
// the goroutine, which is one of guard's, stands still for good.
//
// And a new write-ahead log is written over the spare, where there is one.
type logFS struct {
	diskfs.FS
	spare *spare
}

func (l *Log) fs() logFS {
	return logFS{diskfs.FS{FS: l.opts.FS, Fail: func(err error) { _ = l.fail(err) }}, &l.spare}
}

func (d logFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !isLog(name) {
		return d.FS.Create(name, category)
	}
	if path, ok := d.spare.take(); ok {
		return d.ReuseForWrite(path, name, category)
	}
	f, err := d.FS.Create(name, category)
	if err != nil {
		d.failForGood(name, err)
	}
	return f, err
}

func (d logFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(oldname, newname, category)
	if err != nil && isLog(newname) {
		d.failForGood(newname, err)
	}
	return f, err
}

func (d logFS) failForGood(name string, err error) {
	d.Fail(fmt.Errorf("make the file %s: %w", name, err))
	select {}
}
