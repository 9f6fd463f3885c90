package sim

import (
	"math/rand/v2"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// What a disk says of its space, and what a node keeps free of it.
const (
	diskBytes   = 100 << 30
	diskReserve = 1 << 30
)

// disk is a node's disk, in memory.
type disk struct {
	vfs.FS
	mem        *vfs.MemFS
	left       *atomic.Uint64 // bytes that are free
	full       *atomic.Bool   // whatever is written fails
	met, asked atomic.Int64   // how often that has happened, and somebody has asked how much is free
}

func newDisk() *disk {
	d := &disk{left: new(atomic.Uint64), full: new(atomic.Bool)}
	d.left.Store(diskBytes)
	mem := vfs.NewCrashableMem()
	if err := mem.MkdirAll(dataDir, 0o755); err != nil {
		panic(err) // in memory
	}
	if root, err := mem.OpenDir("/"); err == nil { // as the one who installs a node finds it
		_ = root.Sync()
		_ = root.Close()
	}
	return d.on(mem)
}

// dataDir is a node's data directory.
const dataDir = "/data"

// on is the same disk with other contents.
func (d *disk) on(mem *vfs.MemFS) *disk {
	next := &disk{mem: mem, left: d.left, full: d.full}
	next.FS = errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if next.full.Load() && takesSpace(op.Kind) {
			next.met.Add(1)
			return syscall.ENOSPC
		}
		return nil
	}))
	return next
}

// takesSpace reports whether a full disk refuses it.
func takesSpace(k errorfs.OpKind) bool {
	switch k {
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpMkdirAll, errorfs.OpFilePreallocate:
		return true
	}
	return false
}

func (d *disk) free() (uint64, error) {
	d.asked.Add(1)
	return d.left.Load(), nil
}

// crash returns the disk as it is found after the power was cut now: what was
// synced, and of the rest about so many percent, in blocks.
func (d *disk) crash(kept int, random *rand.Rand) *disk {
	return d.on(d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: random}))
}
