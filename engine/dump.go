package engine

import (
	"bytes"
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/dump"
)

// DumpOptions say what of a store is printed.
type DumpOptions struct {
	FS   vfs.FS // nil: vfs.Default
	From []byte // the first key; nil: all
	Keys []byte // the prefixes of the keys to print; nil: all
	Max  int    // bytes of each payload; what is longer is cut off
}

// Dump prints every key of the store in an engine's directory, which nobody uses,
// and changes nothing there. What cannot be read is a line with the reason, and
// the next one follows. The error is print's, or says why the store cannot be
// opened (ErrDamaged).
func Dump(ctx context.Context, dir string, o DumpOptions, print func(*dump.Line) error) error {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	data, err := readableDir(o.FS, dir)
	if err != nil { // the image that waits is no whole store
		data = o.FS.PathJoin(dir, dataDir)
	}
	if _, err := o.FS.Stat(data); isNotExist(err) {
		return firn.Errorf(firn.ErrDamaged, "the directory %s of the store is missing", data)
	}
	db, err := openCopy(o.FS, data)
	if err != nil {
		return err
	}
	defer db.Close()
	d := newDumper(o.Max)
	return dump.Walk(db, o.From, func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if o.Keys != nil && (len(key) == 0 || !slices.Contains(o.Keys, key[0])) {
			return nil
		}
		return print(d.line(key, value))
	}, func(after []byte, reason error) error {
		return print(&dump.Line{Part: dumpPart, Kind: "unreadable", Damage: "what lies behind this key: " + fileAndDetails(reason), Key: bytes.Clone(after)})
	})
}

// dumpPart is how the lines begin.
const dumpPart = "engine"

// dumper makes lines of keys and values.
type dumper struct {
	max     int
	kinds   map[byte]shown // of keys, by their first bytes
	decoder record.Decoder
}

// line shows a key and its value. The line of one that is damaged has the key
// alone: what its bytes are nobody knows.
func (d *dumper) line(key, value []byte) *dump.Line {
	l := &dump.Line{Part: dumpPart, Key: bytes.Clone(key)}
	show, ok := d.kinds[key[0]]
	if !ok {
		l.Kind, l.Damage = "unknown", "no key of this release begins so"
		return l
	}
	l.Kind = show.kind
	if err := show.show(l, key, value); err != nil {
		return &dump.Line{Part: dumpPart, Kind: show.kind, Key: l.Key, Damage: err.Error()}
	}
	return l
}

type shown struct {
	kind string
	show func(l *dump.Line, key, value []byte) error
}

func newDumper(max int) *dumper {
	d := &dumper{max: max}
	d.kinds = map[byte]shown{
		prefixEvent:     {"event", d.event},
		prefixIndex:     {"index", d.index},
		prefixLayer:     {"layer", d.layer},
		prefixLife:      {"life", d.life},
		prefixChunk:     {"order", d.chunk},
		prefixIDs:       {"ids", d.ids},
		prefixRemoved:   {"removed", d.removed},
		prefixMeta:      {"meta", d.meta},
		prefixDefined:   {"definition", d.definition},
		prefixGroup:     {"group", d.group},
		prefixSnapshots: {"snapshots", d.snapshots},
		prefixSnapshot:  {"snapshot", d.snapshot},
	}
	return d
}
