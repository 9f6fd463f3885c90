package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/diskfs"
	"github.com/firndb/firn/internal/planted"
)

// How an image takes the place of a store's data, each step durable before the
// next begins:
//
//  1. incoming/ is written, verified and synced
//  2. IMAGE, the marker, is written beside it and renamed in place
//  3. at Open: data/ is removed, incoming/ renamed to data/
//  4. the marker is removed
//
// Without the marker incoming/ is rubbish. With it and incoming/, step 3 is
// done, again if need be; with it alone, step 3 was done before.
const (
	incomingDir = "incoming"
	markerFile  = "IMAGE"
	markerDraft = "IMAGE.new"
)

// Checkpoint makes a copy of the store in a directory that must not exist yet:
// after a flush, by hard links, so it takes no space of its own until the
// store has rewritten its files. The caller removes it.
func (e *Engine) Checkpoint(dir string) (ImageInfo, error) {
	if err := e.checkpoint(dir); err != nil {
		return ImageInfo{}, err
	}
	// Entries may have been applied and flushed since, so the copy itself says
	// how far it has come.
	info, _, err := LookInto(e.fs, dir)
	return info, err
}

func (e *Engine) checkpoint(dir string) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if planted.Is(planted.CheckpointUnflushed) { // it holds nothing of what is in memory, for there is no other log
	} else if err := e.flush(); err != nil {
		return err
	}
	// Pebble panics where the copy's directory cannot be synced, which does the
	// store no harm, and waits for a manifest that cannot be written.
	if err := e.failed.guard(func() error { return e.db.Checkpoint(dir) }); err != nil {
		return damage(fmt.Errorf("engine: a checkpoint in %s: %w", dir, err))
	}
	return nil
}

// LookInto reads what a checkpoint holds, and the time of its last event,
// without changing its files. It opens the store in the directory, which shows
// that it can be opened.
func LookInto(fs vfs.FS, dir string) (info ImageInfo, last time.Time, err error) {
	db, err := openCopy(fs, dir)
	if err != nil {
		return info, last, damage(err)
	}
	defer func() {
		if closing := db.Close(); err == nil {
			err = closing
		}
		err = damage(err)
	}()
	value, err := get(db, metaKey(metaApplied))
	if err != nil || value == nil {
		return info, last, err
	}
	p, err := parseProgress(value)
	if err != nil {
		return info, last, err
	}
	if p.head > 0 {
		last = record.Time(p.time)
	}
	info = ImageInfo{Index: p.index, Term: p.term, Head: p.head, Chain: p.chain}
	if value, err = get(db, metaKey(metaIdentity)); err != nil || value == nil {
		return info, last, err
	}
	id, err := parseIdentity(value)
	info.Cluster, info.History = id.cluster, id.history
	return info, last, err
}

// openCopy opens a checkpoint that nobody else uses, with little memory and
// without changing its files.
func openCopy(fs vfs.FS, dir string) (*pebble.DB, error) {
	f := unheard()
	o := pebbleOptions(fs, dir, 0, f)
	o.ReadOnly = true
	o.CacheSize = copyCacheBytes
	var db *pebble.DB
	err := f.guard(func() (err error) {
		db, err = openPebble(dir, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	f.opened.Store(true)
	return db, nil
}

// copyCacheBytes is what reading a checkpoint from its beginning to its end
// gains something from: indexes and filters.
const copyCacheBytes = 8 << 20

// checkReceived compares what an image says of itself with what its files hold,
// and reads every block of its tables: their hashes show that they are what was
// sent, not that the sender's were whole.
func checkReceived(fs vfs.FS, dir string, info *ImageInfo) error {
	files, err := imageFiles(fs, dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := checkTable(fs, dir, f.name, nil); err != nil {
			return firn.Errorf(firn.ErrDamaged, "the file %s of an image is damaged, as it was sent: %v; verify the node that it came from", f.name, err)
		}
	}
	return checkHeld(fs, dir, info)
}

// checkHeld compares what an image says of itself with what its files hold: a
// store whose manifest is damaged may look like an older one.
func checkHeld(fs vfs.FS, dir string, info *ImageInfo) error {
	held, _, err := LookInto(fs, dir)
	if err != nil {
		return firn.Errorf(firn.ErrDamaged, "the files of an image make no store: %v; send it again", err)
	}
	held.Extra = info.Extra
	if !bytes.Equal(held.append(nil), info.append(nil)) {
		return firn.Errorf(firn.ErrDamaged, "an image says that it goes up to index %d (head %d, chain %016x), its files go up to %d (head %d, chain %016x); send it again",
			info.Index, info.Head, info.Chain, held.Index, held.Head, held.Chain)
	}
	return nil
}

func writeMarker(fs vfs.FS, dir string, info *ImageInfo) error {
	draft := fs.PathJoin(dir, markerDraft)
	f, err := fs.Create(draft, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(info.append(nil))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(draft, fs.PathJoin(dir, markerFile)); err != nil {
		return err
	}
	return diskfs.SyncDir(fs, dir)
}

// ImageWaiting returns what the image holds that the next Open of the
// directory will put in place; ok is false where there is none.
func ImageWaiting(fs vfs.FS, engineDir string) (info ImageInfo, ok bool, err error) {
	f, err := fs.Open(fs.PathJoin(engineDir, markerFile))
	if isNotExist(err) {
		return info, false, nil
	}
	if err != nil {
		return info, false, err
	}
	defer f.Close()
	marker, err := io.ReadAll(io.LimitReader(f, 2*imageInfoMax))
	if err != nil {
		return info, false, err
	}
	head := len(imageMagic) + 1
	if len(marker) < head+1+8 || string(marker[:head]) != imageMagic+string(rune(imageVersion)) {
		return info, false, firn.Errorf(firn.ErrDamaged, "the marker %s in %s is not what was written; remove it and %s, and send the image again", markerFile, engineDir, incomingDir)
	}
	n, width := binary.Uvarint(marker[head:])
	body := marker[min(len(marker), head+max(width, 0)):]
	if width <= 0 || len(body) < 8 || n != uint64(len(body)-8) {
		return info, false, firn.Errorf(firn.ErrDamaged, "the marker %s in %s is cut short; remove it and %s, and send the image again", markerFile, engineDir, incomingDir)
	}
	info, err = parseImageInfo(marker[:head+width], body[:n], binary.BigEndian.Uint64(body[n:]))
	return info, err == nil, err
}

// readableDir returns where the store lies for who must not write: where it
// always does, or where the image is waiting that the next Open which may write
// puts in place.
func readableDir(fs vfs.FS, dir string) (string, error) {
	data, incoming := fs.PathJoin(dir, dataDir), fs.PathJoin(dir, incomingDir)
	info, waiting, err := ImageWaiting(fs, dir)
	if err != nil || !waiting {
		return data, err
	}
	_, err = fs.Stat(incoming)
	if isNotExist(err) {
		return data, nil
	}
	if err == nil {
		err = checkHeld(fs, incoming, &info)
	}
	return incoming, err
}

// DropImage gives up an image that was received but is not in place yet. The
// marker goes first, for without it nothing of the rest counts.
func DropImage(fs vfs.FS, engineDir string) error {
	for _, name := range []string{markerFile, markerDraft} {
		if err := fs.Remove(fs.PathJoin(engineDir, name)); err != nil && !isNotExist(err) {
			return err
		}
	}
	if err := diskfs.SyncDir(fs, engineDir); isNotExist(err) {
		return nil // there is no store here yet
	} else if err != nil {
		return err
	}
	return fs.RemoveAll(fs.PathJoin(engineDir, incomingDir))
}

// swapImage puts an image that is waiting in place. The store is not open, and
// the directory is locked.
func swapImage(fs vfs.FS, dir string) error {
	info, waiting, err := ImageWaiting(fs, dir)
	if err != nil {
		return err
	}
	if !waiting {
		return fs.RemoveAll(fs.PathJoin(dir, incomingDir))
	}
	incoming, data := fs.PathJoin(dir, incomingDir), fs.PathJoin(dir, dataDir)
	if _, err := fs.Stat(incoming); err == nil {
		if err := checkHeld(fs, incoming, &info); err != nil {
			return err // the store that there is stays
		}
		if err := fs.RemoveAll(data); err != nil {
			return err
		}
		if err := fs.Rename(incoming, data); err != nil {
			return err
		}
	} else if !isNotExist(err) {
		return err
	}
	if err := diskfs.SyncDir(fs, dir); err != nil {
		return err
	}
	if err := fs.Remove(fs.PathJoin(dir, markerFile)); err != nil {
		return err
	}
	return diskfs.SyncDir(fs, dir)
}
