// Package diskfs keeps some of Pebble's habits from doing harm. Every Pebble of
// Firn is opened over it.
//
// Pebble makes a new manifest, then a marker with the manifest's name in its
// own, removes the marker before it, and syncs the directory only after all
// three. On a file system that does not keep the changes of a directory in their
// order, a crash in between may leave a marker whose manifest is missing, and the
// store does not open; or no marker at all, and an empty store opens, which
// remembers nothing. So the directory is also synced before a marker is created
// or removed.
//
// And Pebble panics, on a goroutine of its own, when syncing a directory fails.
// So a failing sync is told to Fail and ends that goroutine instead. So is a
// manifest or its marker that cannot be written, which Pebble tells its logger to
// end the process for: it holds the lock by then that every reader needs.
package diskfs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the file system below, with that added.
type FS struct {
	vfs.FS

	// Fail is told of the first error that the store cannot survive. Without
	// it, a directory that cannot be synced ends the process, through Pebble.
	Fail func(error)

	// Dir is the only directory whose syncs are meant, "" for every one.
	Dir string
}

// OpenDir opens a directory. Where there is a Fail, its Sync returns nil or not
// at all.
func (d FS) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil || !d.fatal(name) {
		return f, err
	}
	return directory{f, name, d.Fail}, nil
}

// fatal reports whether an error in a directory is one for Fail.
func (d FS) fatal(dir string) bool { return d.Fail != nil && (d.Dir == "" || d.Dir == dir) }

type directory struct {
	vfs.File
	name string
	fail func(error)
}

func (d directory) Sync() error {
	if err := d.File.Sync(); err != nil {
		d.fail(fmt.Errorf("sync the directory %s: %w", d.name, err))
		runtime.Goexit()
	}
	return nil
}

// Create syncs the directory before it creates a marker. Where there is a Fail, a
// marker or a manifest is made or Create does not return, and neither does a Write
// or Sync of the manifest that fails.
func (d FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	err := d.beforeMarker(name)
	var f vfs.File
	if err == nil {
		f, err = d.FS.Create(name, category)
	}
	isManifest := strings.HasPrefix(d.PathBase(name), "MANIFEST-")
	if !d.fatal(d.PathDir(name)) || !isManifest && !d.isMarker(name) {
		return f, err
	}
	m := manifest{f, name, d.Fail}
	m.check("create", err)
	if isManifest {
		return m, nil
	}
	return f, nil
}

// manifest is a file whose changes work or end the goroutine.
type manifest struct {
	vfs.File
	name string
	fail func(error)
}

func (m manifest) Write(p []byte) (int, error) {
	n, err := m.File.Write(p)
	m.check("write", err)
	return n, nil
}

func (m manifest) Sync() error {
	m.check("sync", m.File.Sync())
	return nil
}

func (m manifest) check(what string, err error) {
	if err != nil {
		m.fail(fmt.Errorf("%s the file %s: %w", what, m.name, err))
		runtime.Goexit()
	}
}

// Remove syncs the directory before it removes a marker.
func (d FS) Remove(name string) error {
	if err := d.beforeMarker(name); err != nil {
		return err
	}
	return d.FS.Remove(name)
}

func (d FS) isMarker(name string) bool { return strings.HasPrefix(d.PathBase(name), "marker.") }

func (d FS) beforeMarker(name string) error {
	if !d.isMarker(name) {
		return nil
	}
	return SyncDir(d.FS, d.PathDir(name))
}

// Unwrap returns the file system below.
func (d FS) Unwrap() vfs.FS { return d.FS }

// SyncDir makes durable which files a directory holds.
func SyncDir(fs vfs.FS, name string) error {
	dir, err := fs.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// MakeDir makes a directory and those above it that do not exist, durably: a
// file that is synced in a directory whose own name is not goes with it when the
// power fails.
func MakeDir(fs vfs.FS, name string) error {
	var missing []string
	for at := name; ; at = fs.PathDir(at) {
		_, err := fs.Stat(at)
		if err == nil || fs.PathDir(at) == at {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err // it may not be there
		}
		missing = append(missing, at)
	}
	if len(missing) == 0 {
		return fs.MkdirAll(name, 0o755) // which says what is wrong with it
	}
	for _, dir := range slices.Backward(missing) {
		if err := fs.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := SyncDir(fs, fs.PathDir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// Refused tells the errors with which a store does not open because of the
// machine (no space, no right to read, too many files) from damage: a file that
// is missing or unreadable or has another length, options that nobody has
// written so.
func Refused(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && number != syscall.EIO && number != syscall.ENOENT || errors.Is(err, os.ErrPermission)
}
