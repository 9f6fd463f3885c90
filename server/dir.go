package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
)

// A node's data directory:
//
//	firn.json   the format, and whose data this is
//	restored    in place of firn.json until a restored store is started first
//	LOCK        held while the node runs
//	ballast     64 MiB of nothing, given up when a full disk keeps the node from starting
//	engine/     the events (package engine)
//	raft/       the Raft log (package raftlog)
//	outbox/     images on their way to other nodes
const (
	identityFile = "firn.json"
	restoredFile = "restored"
	lockFile     = "LOCK"
	ballastFile  = "ballast"
	engineDir    = "engine"
	raftDir      = "raft"
	outboxDir    = "outbox"

	dirFormat    = 1
	ballastBytes = 64 << 20
)

// identity is the content of firn.json.
type identity struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
}

// dataDir is a data directory that this process holds.
type dataDir struct {
	fs   vfs.FS
	path string
	lock io.Closer
}

// openDir takes hold of the data directory of the node called id. fresh says
// that it has no data yet.
func openDir(fs vfs.FS, path, id string) (d *dataDir, fresh bool, err error) {
	if err := diskfs.MakeDir(fs, path); err != nil {
		return nil, false, fmt.Errorf("making the data directory %s: %w", path, err)
	}
	lock, err := fs.Lock(fs.PathJoin(path, lockFile))
	if err != nil {
		return nil, false, firn.Errorf(firn.ErrUnavailable, "the data directory %s is in use by another process (%v); stop that first", path, err)
	}
	d = &dataDir{fs: fs, path: path, lock: lock}
	fresh, err = d.checkIdentity(id)
	if err == nil {
		err = fs.RemoveAll(d.sub(outboxDir)) // images that a stopped process was sending
	}
	if err != nil {
		lock.Close()
		return nil, false, err
	}
	d.dropBallast()
	return d, fresh, nil
}

func (d *dataDir) sub(name string) string { return d.fs.PathJoin(d.path, name) }

// checkIdentity refuses a directory that this release or this node must not
// touch. fresh says that no node was ever set up here.
func (d *dataDir) checkIdentity(id string) (fresh bool, err error) {
	f, err := d.fs.Open(d.sub(identityFile))
	if errors.Is(err, os.ErrNotExist) {
		return true, d.refuseForeign()
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	var who identity
	if err := json.NewDecoder(f).Decode(&who); err != nil {
		return false, firn.Errorf(firn.ErrDamaged, "%s is not readable as the identity of a data directory: %v", d.sub(identityFile), err)
	}
	if who.Format != dirFormat {
		return false, firn.Errorf(firn.ErrUnsupported, "the data directory %s has format %d; this release knows format %d: use the release that wrote it, or a later one", d.path, who.Format, dirFormat)
	}
	if who.ID != id {
		return false, firn.Errorf(firn.ErrInvalid, "the data directory %s belongs to node %q, not %q; give the node its own directory, or its own id", d.path, who.ID, id)
	}
	return false, nil
}

// refuseForeign keeps a fresh node out of a directory in which something else lies.
func (d *dataDir) refuseForeign() error {
	names, err := d.fs.List(d.path)
	if err != nil {
		return err
	}
	if slices.Contains(names, restoredFile) {
		return nil
	}
	for _, name := range names {
		if name != lockFile && name != ballastFile && name != identityFile+".new" {
			return firn.Errorf(firn.ErrInvalid, "the directory %s holds %q but no data of Firn; give the node an empty directory", d.path, name)
		}
	}
	return nil
}

// claim marks a fresh directory as the node's own. It is durable on return.
func (d *dataDir) claim(id string) error {
	b, err := json.Marshal(identity{Format: dirFormat, ID: id})
	if err != nil {
		return err
	}
	if err := d.write(identityFile+".new", append(b, '\n')); err != nil {
		return err
	}
	if err := d.fs.Rename(d.sub(identityFile+".new"), d.sub(identityFile)); err != nil {
		return err
	}
	if err := d.sync(); err != nil {
		return err
	}
	// An earlier start may have made the directory and ended before its name was
	// synced. Where that cannot be, since only others may look into the one above,
	// it was made by them.
	if err := diskfs.SyncDir(d.fs, d.fs.PathDir(d.path)); err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}

func (d *dataDir) write(name string, b []byte) error {
	f, err := d.fs.Create(d.sub(name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *dataDir) sync() error { return diskfs.SyncDir(d.fs, d.path) }

// dropBallast gives the reserved bytes back, so that a node whose disk ran
// full can start, flush and compact.
func (d *dataDir) dropBallast() { _ = d.fs.Remove(d.sub(ballastFile)) }

// takeBallast reserves bytes for the next start, as long as more than reserve
// stays free.
func (d *dataDir) takeBallast(reserve uint64) error {
	free, _ := d.space()
	if free < reserve+2*ballastBytes {
		return nil
	}
	return d.write(ballastFile, make([]byte, ballastBytes))
}

// space returns the file system's free and total bytes; zero where it cannot
// tell.
func (d *dataDir) space() (free, total uint64) {
	usage, err := d.fs.GetDiskUsage(d.path)
	if err != nil {
		return 0, 0
	}
	return usage.AvailBytes, usage.TotalBytes
}

func (d *dataDir) close() error { return d.lock.Close() }
