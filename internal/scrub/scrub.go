// Package scrub reads the files of a Pebble store for damage, past every cache
// and at a rate of the caller's.
//
// Pebble checks a block's checksum when somebody reads it, which for most
// blocks of a log may be never. What a disk has damaged meanwhile comes to light
// only when it is needed, perhaps after the other copies have gone.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pace is called before so many bytes are read from the disk. It may wait; its
// error ends the reading. nil: read as fast as the disk does.
type Pace func(bytes int) error

// IsTable reports whether a file is one of a store's tables, by its name.
func IsTable(name string) bool { return strings.HasSuffix(name, ".sst") }

// Table reads every block of a table, those of indexes, filters and properties
// too, and checks their checksums. o is how the store is opened. Damage is an
// error for which [pebble.IsCorruptionError] holds.
func Table(fs vfs.FS, path string, o *pebble.Options, pace Pace) (err error) {
	defer func() {
		// What a table says of itself is believed once its checksum is right.
		if p := recover(); p != nil {
			err = fmt.Errorf("%v: %w", p, pebble.ErrCorruption)
		}
	}()
	file, err := FS(fs, pace).Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	o.EnsureDefaults() // else it does not know the filters, and leaves them out
	r, err := sstable.NewReader(context.Background(), readable, o.MakeReaderOptions())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	if err := r.ValidateBlockChecksums(); err != nil {
		return errors.Join(err, r.Close())
	}
	return r.Close()
}
