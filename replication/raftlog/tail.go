package raftlog

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
	"github.com/firndb/firn/internal/planted"
)

// tail is a witness of the log's end, in a file of its own.
//
// Pebble takes a damaged record of its write-ahead log for a write that a crash
// cut off, unless a block further on (of 32 KiB) says that it had been synced.
// So damage in the last block would quietly take away synced entries, or a vote.
// Therefore every batch carries its number, and once the batch is synced, the
// number is written into this file: a store that opens with a lower number has
// lost something, and is refused.
//
// The file is not synced with each write, which would cost as much again. It is
// complete after a crash of the process. After a power cut it may be as old as
// the kernel's write-back lets it get (half a minute), and for that long damage in
// the last block goes unnoticed.
//
//	version u8 = 1 | number u64 | crc u32      sealed (seal.go) with the key "tail"
type tail struct {
	file  vfs.File
	count uint64 // of the last synced batch; guarded by Log.committing
}

const tailName = "tail"

// openTail reads the file, or makes it, and compares it with what the store
// holds. A file that cannot be read says nothing: that is what a power cut may
// leave of it.
func (l *Log) openTail() error {
	fs := l.opts.FS
	path := fs.PathJoin(l.dir, tailName)
	if err := l.checkTail(path); err != nil || l.opts.ReadOnly {
		return err
	}
	file, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if errors.Is(err, os.ErrNotExist) {
		file, err = fs.Create(path, vfs.WriteCategoryUnspecified)
	}
	if err != nil {
		return err
	}
	l.tail.file = file
	if err := l.tail.write(); err != nil {
		return err
	}
	return errors.Join(file.Sync(), diskfs.SyncDir(fs, l.dir))
}

func (l *Log) checkTail(path string) error {
	file, err := l.opts.FS.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	value, err := io.ReadAll(io.LimitReader(file, 64))
	if err != nil {
		return err
	}
	payload, err := unseal([]byte(tailName), value)
	if err != nil || len(payload) != 8 {
		return nil
	}
	if synced := binary.BigEndian.Uint64(payload); synced > l.tail.count && !planted.Is(planted.ShortLogVotes) && !planted.Is(planted.DamageIsTheEnd) { // it goes on with what is left
		return firn.Errorf(firn.ErrDamaged, "the Raft log in %s is damaged at its end: %d writes had been synced, the last %d of them are gone; remove this node from the cluster and add it anew with an empty directory",
			l.dir, synced, synced-l.tail.count)
	}
	return nil
}

func (t *tail) write() error {
	_, err := t.file.WriteAt(seal([]byte(tailName), binary.BigEndian.AppendUint64(nil, t.count)), 0)
	return err
}

// close syncs the file, so that a log that was closed is covered completely.
func (t *tail) close() error {
	if t.file == nil {
		return nil
	}
	return errors.Join(t.file.Sync(), t.file.Close())
}

// number puts its number into a batch.
func (t *tail) number(b *pebble.Batch) error {
	return b.Set(keyCount, seal(keyCount, binary.BigEndian.AppendUint64(nil, t.count+1)), nil)
}

// loadCount reads the number of the last batch that the store holds.
func (l *Log) loadCount(key, value []byte) error {
	payload, err := unseal(key, value)
	if err == nil && len(payload) != 8 {
		err = errLengths
	}
	if err != nil {
		return l.damaged("the number of its last write: %v", err)
	}
	l.tail.count = binary.BigEndian.Uint64(payload)
	return nil
}
