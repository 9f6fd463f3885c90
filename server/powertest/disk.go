package powertest

import (
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is a disk in memory of which every state can be had that a power loss may
// leave, and on which an operation can fail. It counts the bytes that are
// written and not synced.
type disk struct {
	mem *vfs.MemFS

	// before is called before each operation; what it returns is what becomes of
	// it. It may cut the power.
	before func(operation) fault

	unsynced atomic.Int64 // bytes, of all files but the witness

	// gate is held shared while an operation changes something, exclusively while
	// the power is cut. The lock of MemFS itself is taken twice by some operations,
	// and would block for ever where a cut comes between.
	gate sync.RWMutex

	mu    sync.Mutex
	files map[string]*inode
}

// operation is one operation of the file system.
type operation struct {
	kind string
	path string
}

func (o operation) String() string { return strings.TrimSpace(o.kind + " " + o.path) }

// changes reports whether the operation changes something on the disk.
func (o operation) changes() bool {
	switch o.kind {
	case "open", "open directory", "read", "stat", "list":
		return false
	}
	return true
}

// fault is what becomes of an operation.
type fault int

const (
	works fault = iota
	fails       // nothing of it is done, and it says EIO
	full        // the same, and it says ENOSPC where it would take space
	short       // of a write half is done, and it says ENOSPC; everything else fails
)

// of returns what the fault is for a kind of operation.
func (f fault) of(kind string) fault {
	switch kind {
	case "write":
		return f
	case "create", "link", "make directory", "preallocate", "rename", "reuse":
		return min(f, full)
	}
	return min(f, fails)
}

func (f fault) name() string { return [...]string{"none", "EIO", "ENOSPC", "short write"}[f] }

// injected returns the error of an operation that does not work.
func (f fault) injected(kind, path string) error {
	cause := syscall.EIO
	if f.of(kind) != fails {
		cause = syscall.ENOSPC
	}
	return &os.PathError{Op: kind, Path: path, Err: cause}
}

// inode is what the disk knows of a file.
type inode struct {
	unsynced atomic.Int64
	links    int  // guarded by disk.mu
	exempt   bool // not counted
}

// witness is the base name of the file that is never synced while a node runs.
const witness = "tail"

func newDisk(mem *vfs.MemFS) *disk {
	return &disk{mem: mem, before: func(operation) fault { return works }, files: map[string]*inode{}}
}

// cut returns the disk as a power loss leaves it now: of what was not synced,
// about so many percent are kept, in blocks and names chosen by rng.
func (d *disk) cut(keptPercent int, rng *rand.Rand) *vfs.MemFS {
	d.gate.Lock()
	defer d.gate.Unlock()
	return d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: keptPercent, RNG: rng})
}

// change makes one change of the disk, unless it is to fail.
func (d *disk) change(kind, path string, do func() error) error {
	if f := d.before(operation{kind, path}); f != works {
		return f.injected(kind, path)
	}
	d.gate.RLock()
	defer d.gate.RUnlock()
	return do()
}

// look makes an operation that changes nothing, unless it is to fail.
func (d *disk) look(kind, path string) error {
	if f := d.before(operation{kind, path}); f != works {
		return f.injected(kind, path)
	}
	return nil
}

// made notes a file that was created or opened.
func (d *disk) made(name string, anew bool) *inode {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.files[name]
	if anew || n == nil {
		d.drop(name)
		n = &inode{links: 1, exempt: d.mem.PathBase(name) == witness}
		d.files[name] = n
	}
	return n
}

// drop forgets a name. What was not synced of a file without a name is nobody's
// any more. The caller holds mu.
func (d *disk) drop(name string) {
	n := d.files[name]
	if n == nil {
		return
	}
	delete(d.files, name)
	if n.links--; n.links == 0 {
		d.count(n, -n.unsynced.Load())
	}
}

func (d *disk) count(n *inode, bytes int64) {
	if n.exempt {
		return
	}
	n.unsynced.Add(bytes)
	d.unsynced.Add(bytes)
}

// under reports whether a name is path or lies below it.
func under(name, path string) bool { return name == path || strings.HasPrefix(name, path+"/") }

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = d.change("create", name, func() error { f, err = d.mem.Create(name, c); return err })
	if err != nil {
		return nil, err
	}
	return &file{f, d, name, d.made(name, true)}, nil
}

func (d *disk) Link(from, to string) error {
	return d.change("link", from, func() error {
		if err := d.mem.Link(from, to); err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := d.files[from]; n != nil {
			n.links++
			d.files[to] = n
		}
		return nil
	})
}

func (d *disk) Open(name string, _ ...vfs.OpenOption) (f vfs.File, err error) {
	if err := d.look("open", name); err != nil {
		return nil, err
	}
	if f, err = d.mem.Open(name); err != nil {
		return nil, err
	}
	return &file{f, d, name, d.made(name, false)}, nil
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, _ ...vfs.OpenOption) (f vfs.File, err error) {
	err = d.change("open", name, func() error { f, err = d.mem.OpenReadWrite(name, c); return err })
	if err != nil {
		return nil, err
	}
	return &file{f, d, name, d.made(name, false)}, nil
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	if err := d.look("open directory", name); err != nil {
		return nil, err
	}
	f, err := d.mem.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &directory{f, d, name}, nil
}

func (d *disk) Remove(name string) error {
	return d.change("remove", name, func() error {
		if err := d.mem.Remove(name); err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.drop(name)
		return nil
	})
}

func (d *disk) RemoveAll(path string) error {
	return d.change("remove all", path, func() error {
		if err := d.mem.RemoveAll(path); err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		for name := range d.files {
			if under(name, path) {
				d.drop(name)
			}
		}
		return nil
	})
}

func (d *disk) Rename(from, to string) error {
	return d.change("rename", from, func() error {
		if err := d.mem.Rename(from, to); err != nil {
			return err
		}
		d.moved(from, to)
		return nil
	})
}

// moved notes that a file or directory has another name.
func (d *disk) moved(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := map[string]*inode{}
	for name, n := range d.files {
		if under(name, from) {
			names[name] = n
		}
	}
	for name, n := range names {
		delete(d.files, name)
		d.drop(to + name[len(from):])
		d.files[to+name[len(from):]] = n
	}
}

func (d *disk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = d.change("reuse", from, func() error {
		f, err = d.mem.ReuseForWrite(from, to, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.moved(from, to)
	return &file{f, d, to, d.made(to, false)}, nil
}

func (d *disk) MkdirAll(name string, mode os.FileMode) error {
	return d.change("make directory", name, func() error { return d.mem.MkdirAll(name, mode) })
}

func (d *disk) Lock(name string) (lock io.Closer, err error) {
	err = d.change("lock", name, func() error { lock, err = d.mem.Lock(name); return err })
	return lock, err
}

func (d *disk) List(name string) ([]string, error) {
	if err := d.look("list", name); err != nil {
		return nil, err
	}
	return d.mem.List(name)
}

func (d *disk) Stat(name string) (vfs.FileInfo, error) {
	if err := d.look("stat", name); err != nil {
		return nil, err
	}
	return d.mem.Stat(name)
}

func (d *disk) PathBase(path string) string        { return d.mem.PathBase(path) }
func (d *disk) PathJoin(elements ...string) string { return d.mem.PathJoin(elements...) }
func (d *disk) PathDir(path string) string         { return d.mem.PathDir(path) }
func (d *disk) Unwrap() vfs.FS                     { return d.mem }

func (d *disk) GetDiskUsage(path string) (vfs.DiskUsage, error) { return d.mem.GetDiskUsage(path) }
