package raftlog

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// diskFS keeps some of Pebble's habits from doing harm.
//
// Pebble makes a new manifest, then a marker with the manifest's name in its
// own, removes the marker before it, and syncs the directory only after all
// three. On a file system that does not keep the changes of a directory in their
// order, a crash in between may leave a marker whose manifest is missing, and the
// store does not open; or no marker at all, and an empty store opens, which
// remembers no vote. So the directory is also synced before a marker is created
// or removed.
//
// It panics, on a goroutine of its own, when syncing a directory fails. So a
// failing sync ends that goroutine instead, as pebbleLogger's Fatalf does.
//
// And when a new write-ahead log cannot be made, it panics in a state in which
// even unwinding the stack ends the process (a lock is released twice). So there
// the goroutine, which is one of guard's, stands still for good.
//
// A new write-ahead log is written over the spare, where there is one.
type diskFS struct {
	vfs.FS
	fail  func(error) error
	spare *spare
}

func (d diskFS) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return directory{f, name, d.fail}, nil
}

type directory struct {
	vfs.File
	name string
	fail func(error) error
}

func (d directory) Sync() error {
	if err := d.File.Sync(); err != nil {
		_ = d.fail(fmt.Errorf("sync the directory %s: %w", d.name, err))
		runtime.Goexit()
	}
	return nil
}

func (d diskFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.before(name); err != nil {
		return nil, err
	}
	if isLog(name) {
		if path, ok := d.spare.take(); ok {
			return d.ReuseForWrite(path, name, category)
		}
	}
	f, err := d.FS.Create(name, category)
	if err != nil && isLog(name) {
		d.failForGood(name, err)
	}
	return f, err
}

func (d diskFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(oldname, newname, category)
	if err != nil && isLog(newname) {
		d.failForGood(newname, err)
	}
	return f, err
}

func (d diskFS) failForGood(name string, err error) {
	_ = d.fail(fmt.Errorf("make the file %s: %w", name, err))
	select {}
}

func (d diskFS) Remove(name string) error {
	if err := d.before(name); err != nil {
		return err
	}
	return d.FS.Remove(name)
}

func (d diskFS) before(name string) error {
	if !strings.HasPrefix(d.PathBase(name), "marker.") {
		return nil
	}
	return syncDir(d.FS, d.PathDir(name))
}

func syncDir(fs vfs.FS, name string) error {
	dir, err := fs.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Unwrap returns the file system below.
func (d diskFS) Unwrap() vfs.FS { return d.FS }
