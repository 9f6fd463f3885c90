package server

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
)

// A node's data directory:
//
//	firn.json   the format, and whose data this is; firn.json.copy is the same
//	restored    in place of firn.json until a restored store is started first
//	LOCK        held while the node runs
//	ballast     64 MiB of nothing, given up when a full disk keeps the node from starting
//	engine/     the events (package engine)
//	raft/       the Raft log (package raftlog)
//	outbox/     images on their way to other nodes, and what is being read for damage
const (
	identityFile = "firn.json"
	restoredFile = "restored"
	identityCopy = "firn.json.copy"
	lockFile     = "LOCK"
	ballastFile  = "ballast"
	engineDir    = "engine"
	raftDir      = "raft"
	outboxDir    = "outbox"

	draftSuffix = ".new" // of a file that is being written

	dirFormat    = 1
	ballastBytes = 64 << 20
)

// dataDir is a data directory that this process holds.
type dataDir struct {
	fs   vfs.FS
	path string
	lock io.Closer

	replica   bool   // the node that it belongs to serves reads only
	rewritten string // which of the two files of its identity was written anew; "": none
}

// openDir takes hold of the data directory of the node called id. fresh says
// that it has no data yet.
func openDir(fs vfs.FS, path, id string) (d *dataDir, fresh bool, err error) {
	if err := diskfs.MakeDir(fs, path); err != nil {
		return nil, false, fmt.Errorf("making the data directory %s: %w", path, err)
	}
	d = &dataDir{fs: fs, path: path}
	if d.lock, err = d.hold("stop that first"); err != nil {
		return nil, false, err
	}
	fresh, err = d.checkIdentity(id)
	if err == nil {
		err = fs.RemoveAll(d.sub(outboxDir)) // images that a stopped process was sending
	}
	if err != nil {
		d.lock.Close()
		return nil, false, err
	}
	d.dropBallast()
	return d, fresh, nil
}

// hold keeps every other process out of the directory. advice is for whoever finds
// it in use.
func (d *dataDir) hold(advice string) (io.Closer, error) {
	lock, err := d.fs.Lock(d.sub(lockFile))
	if err != nil {
		return nil, firn.Errorf(firn.ErrUnavailable, "the data directory %s is in use by another process (%v); %s", d.path, err, advice)
	}
	return lock, nil
}

func (d *dataDir) sub(name string) string { return d.fs.PathJoin(d.path, name) }

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
		if !slices.Contains([]string{lockFile, ballastFile, identityFile + draftSuffix, identityCopy + draftSuffix}, name) {
			return firn.Errorf(firn.ErrInvalid, "the directory %s holds %q but no data of Firn; give the node an empty directory", d.path, name)
		}
	}
	return nil
}

// replace writes a file under another name and renames it in place, so that it
// is there as it was or as it should be. It is durable on return.
func (d *dataDir) replace(name string, b []byte) error {
	draft := name + draftSuffix
	if err := d.write(draft, b); err != nil {
		return err
	}
	if err := d.fs.Rename(d.sub(draft), d.sub(name)); err != nil {
		return err
	}
	return d.sync()
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
	f, err := d.fs.Create(d.sub(ballastFile), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	return errors.Join(fillBallast(f), f.Sync(), f.Close())
}

// fillBallast takes the bytes from the disk without writing them where the file
// system can, which elsewhere than on Linux Preallocate does not tell: 64 MiB and
// their sync, at every start, keep a slow disk busy for seconds.
func fillBallast(f vfs.File) error {
	if runtime.GOOS == "linux" && f.Preallocate(0, ballastBytes) == nil {
		_, err := f.WriteAt([]byte{0}, ballastBytes-1) // Preallocate leaves the file's size as it was
		return err
	}
	_, err := f.Write(make([]byte, ballastBytes))
	return err
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
