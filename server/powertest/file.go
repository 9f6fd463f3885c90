package powertest

import (
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var errInjected = syscall.EIO

// file is an open file of a disk.
type file struct {
	vfs.File
	disk *disk
	name string
	node *inode
}

func (f *file) Read(p []byte) (int, error) {
	if f.disk.before(operation{"read", f.name}) != works {
		return 0, injected("read", f.name)
	}
	return f.File.Read(p)
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if f.disk.before(operation{"read", f.name}) != works {
		return 0, injected("read", f.name)
	}
	return f.File.ReadAt(p, offset)
}

func (f *file) Write(p []byte) (int, error) {
	return f.write("write", p, f.File.Write)
}

func (f *file) WriteAt(p []byte, offset int64) (int, error) {
	return f.write("write", p, func(p []byte) (int, error) { return f.File.WriteAt(p, offset) })
}

// write writes all, half or nothing of p.
func (f *file) write(kind string, p []byte, do func([]byte) (int, error)) (int, error) {
	becomes := f.disk.before(operation{kind, f.name})
	if becomes == fails {
		return 0, injected(kind, f.name)
	}
	if becomes == short {
		p = p[:len(p)/2]
	}
	f.disk.gate.RLock()
	n, err := do(p)
	f.disk.gate.RUnlock()
	f.disk.count(f.node, int64(n))
	if err == nil && becomes == short {
		err = injected("short write", f.name)
	}
	return n, err
}

func (f *file) Sync() error     { return f.sync(f.File.Sync) }
func (f *file) SyncData() error { return f.sync(f.File.SyncData) }

func (f *file) sync(do func() error) error {
	if f.disk.before(operation{"sync", f.name}) != works {
		return injected("sync", f.name)
	}
	f.disk.gate.RLock()
	defer f.disk.gate.RUnlock()
	written := f.node.unsynced.Load()
	if err := do(); err != nil {
		return err
	}
	f.disk.count(f.node, -written)
	return nil
}

func (f *file) Preallocate(offset, length int64) error {
	if f.disk.before(operation{"preallocate", f.name}) != works {
		return injected("preallocate", f.name)
	}
	return f.File.Preallocate(offset, length)
}

func (f *file) Stat() (vfs.FileInfo, error) {
	if f.disk.before(operation{"stat", f.name}) != works {
		return nil, injected("stat", f.name)
	}
	return f.File.Stat()
}

// directory is an open directory of a disk.
type directory struct {
	vfs.File
	disk *disk
	name string
}

func (d *directory) Sync() error {
	return d.disk.change("sync directory", d.name, d.File.Sync)
}
