package server

import "github.com/cockroachdb/pebble/v2/vfs"

// StartOn is Start with files elsewhere, and something that is called before
// entries are applied.
func StartOn(c Config, fs vfs.FS, hold func()) (*Node, error) {
	c.fs, c.hold = fs, hold
	return Start(c)
}
