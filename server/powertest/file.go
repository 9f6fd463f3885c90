package powertest

import "github.com/cockroachdb/pebble/v2/vfs"

// file is an open file of a disk.
type file struct {
	vfs.File
	disk *disk
	name string
	node *inode
}

func (f *file) Read(p []byte) (int, error) {
	if err := f.disk.look("read", f.name); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.disk.look("read", f.name); err != nil {
		return 0, err
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
	if becomes == fails || becomes == full {
		return 0, becomes.injected(kind, f.name)
	}
	if becomes == short {
		p = p[:len(p)/2]
	}
	f.disk.gate.RLock()
	n, err := do(p)
	f.disk.gate.RUnlock()
	f.disk.count(f.node, int64(n))
	if err == nil && becomes == short {
		err = becomes.injected(kind, f.name)
	}
	return n, err
}

func (f *file) Sync() error     { return f.sync(f.File.Sync) }
func (f *file) SyncData() error { return f.sync(f.File.SyncData) }

func (f *file) sync(do func() error) error {
	if err := f.disk.look("sync", f.name); err != nil {
		return err
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
	if err := f.disk.look("preallocate", f.name); err != nil {
		return err
	}
	return f.File.Preallocate(offset, length)
}

func (f *file) Stat() (vfs.FileInfo, error) {
	if err := f.disk.look("stat", f.name); err != nil {
		return nil, err
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
