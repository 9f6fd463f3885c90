package raftlog

import (
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn/internal/scrub"
)

// Scrub reads every block of every table of the log, at the given pace and past
// every cache. Damage ends the log, as does damage that is found otherwise, and
// is the error. What only the write-ahead log has is read when the log is opened.
func (l *Log) Scrub(pace scrub.Pace) error {
	names, err := l.tables()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := errors.Join(l.alive(), l.ctx.Err()); err != nil {
			return err
		}
		err := scrub.Table(l.opts.FS, l.opts.FS.PathJoin(l.dir, name), l.pebbleOptions(), pace)
		if errors.Is(err, os.ErrNotExist) {
			continue // it was replaced meanwhile
		}
		if pebble.IsCorruptionError(err) {
			return l.fail(l.damaged("%s: %v", name, err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tables returns the names of the tables that the log consists of. The directory
// may have others: one that is being written looks like a damaged one.
func (l *Log) tables() (names []string, err error) {
	levels, err := l.db.SSTables()
	if err != nil {
		return nil, err
	}
	for _, level := range levels {
		for _, table := range level {
			names = append(names, table.BackingSSTNum.String()+".sst")
		}
	}
	return names, nil
}
