package servertest

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk is a file system of its own, in memory, that can be filled.
type SmallDisk struct {
	t   testing.TB
	dir string
}

// MountSmallDisk puts a file system of so many bytes where node i has its data,
// until the test ends. It is nil where the system does not let this process do
// that: err says why.
func (p *Processes) MountSmallDisk(i int, bytes int64) (d *SmallDisk, err error) {
	p.t.Helper()
	dir := p.Dir(i)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("firn-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		return nil, err
	}
	p.t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return &SmallDisk{p.t, dir}, nil
}

func (d *SmallDisk) filler() string { return filepath.Join(d.dir, "filler") }

// Fill leaves so many bytes free, or as many as there are where those are fewer.
func (d *SmallDisk) Fill(leave int64) {
	d.t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &s); err != nil {
		d.t.Fatal(err)
	}
	most := int64(s.Bavail)*s.Bsize - leave
	if most <= 0 {
		return
	}
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, most); err != nil && err != syscall.ENOSPC {
		d.t.Fatal(err)
	}
}

// Free gives the room back.
func (d *SmallDisk) Free() { os.Remove(d.filler()) }
