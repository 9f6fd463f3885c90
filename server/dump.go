package server

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/internal/dump"
	"github.com/firndb/firn/replication/raftlog"
)

// DumpOptions say what of a node's data directory is printed.
type DumpOptions struct {
	Engine, Raft bool
	FromKey      []byte // the store's first key; nil: all
	Keys         []byte // the prefixes of the store's keys to print; nil: all
	FromIndex    uint64 // the log's first entry
	PayloadMax   int    // bytes of each payload; what is longer is cut off
}

// DumpDir prints what lies in the data directory of a node that does not run, and
// changes nothing in it. Where one of the two stores cannot be opened, the other
// one is still printed, and the error says why (ErrDamaged). Other errors:
// ErrInvalid for a directory that is no node's, ErrUnavailable while it runs, and
// whatever print returns.
func DumpDir(ctx context.Context, dir string, o DumpOptions, print func(*dump.Line) error) error {
	d := &dataDir{fs: vfs.Default, path: dir}
	if err := d.isNode(""); err != nil && !errors.Is(err, firn.ErrDamaged) {
		return err
	}
	lock, err := d.hold("stop the node first, or dump a backup or a copy")
	if err != nil {
		return err
	}
	defer lock.Close()
	var failed error
	if o.Engine {
		err := engine.Dump(ctx, d.sub(engineDir), engine.DumpOptions{FS: d.fs, From: o.FromKey, Keys: o.Keys, Max: o.PayloadMax}, print)
		if failed = damaged("the store", err); failed != nil && !errors.Is(failed, firn.ErrDamaged) {
			return failed
		}
	}
	if o.Raft {
		err := raftlog.Dump(ctx, d.sub(raftDir), d.fs, o.FromIndex, print, func(index uint64, data []byte) error {
			return engine.DumpEntry(data, o.PayloadMax, func(kind string) *dump.Line {
				l := &dump.Line{Part: "raft", Kind: kind}
				l.Uint("index", index)
				return l
			}, print)
		})
		failed = errors.Join(failed, damaged("the Raft log", err))
	}
	return failed
}
