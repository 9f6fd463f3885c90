package raftlog

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markerFS syncs the directory before a marker file is created or removed in
// it.
//
// Pebble makes a new manifest, then a marker with the manifest's name in its
// own, removes the marker before it, and syncs the directory only after all
// three. On a file system that does not keep the changes of a directory in their
// order, a crash in between may leave a marker whose manifest is missing, and the
// store does not open; or no marker at all, and an empty store opens, which
// remembers no vote.
type markerFS struct{ vfs.FS }

func (m markerFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := m.before(name); err != nil {
		return nil, err
	}
	return m.FS.Create(name, category)
}

func (m markerFS) Remove(name string) error {
	if err := m.before(name); err != nil {
		return err
	}
	return m.FS.Remove(name)
}

func (m markerFS) before(name string) error {
	if !strings.HasPrefix(m.PathBase(name), "marker.") {
		return nil
	}
	return m.syncDir(m.PathDir(name))
}

func (m markerFS) syncDir(name string) error {
	d, err := m.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Unwrap returns the file system below.
func (m markerFS) Unwrap() vfs.FS { return m.FS }
