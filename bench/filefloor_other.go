//go:build !linux

package bench

import "os"

// allocate sets the file's length; its blocks come when it is written over.
func allocate(f *os.File, size int64) error { return f.Truncate(size) }

// datasync syncs the file in the way this system offers through package os.
func datasync(f *os.File) error { return f.Sync() }

// InMemory reports whether the directory is known to be on no disk at all.
// Here nothing is known.
func InMemory(string) bool { return false }
