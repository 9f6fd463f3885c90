package bench

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves the file's blocks. A filesystem that cannot do so gets them
// when the file is written over.
func allocate(f *os.File, size int64) error {
	err := retryInterrupted(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// datasync syncs the file's data, and of its metadata only what reading the
// data back needs.
func datasync(f *os.File) error {
	return retryInterrupted(func() error { return unix.Fdatasync(int(f.Fd())) })
}

// InMemory reports whether the directory is on a filesystem that is not on a
// disk at all, so that durable figures mean nothing there.
func InMemory(dir string) bool {
	var info unix.Statfs_t
	if err := unix.Statfs(dir, &info); err != nil {
		return false
	}
	return info.Type == unix.TMPFS_MAGIC || info.Type == unix.RAMFS_MAGIC
}

// retryInterrupted calls again after a signal, as package os does for its own
// calls.
func retryInterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
