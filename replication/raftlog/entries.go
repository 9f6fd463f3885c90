package raftlog

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/planted"
)

// FirstIndex returns the index of the first entry, 0 when there is none.
func (l *Log) FirstIndex() (uint64, error) {
	first, _, err := l.bounds()
	return first, err
}

// LastIndex returns the index of the last entry, 0 when there is none.
func (l *Log) LastIndex() (uint64, error) {
	_, last, err := l.bounds()
	return last, err
}

func (l *Log) bounds() (first, last uint64, err error) {
	if err := l.alive(); err != nil {
		return 0, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first, l.last, nil
}

// StoreLog stores one entry. See StoreLogs.
func (l *Log) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

// StoreLogs stores entries that follow the last one without a gap. When it
// returns nil, all of them are synced; when it returns an error, none is in the
// log, unless the log has failed: then a restart shows whether they are.
//
// Refused, without harm to what is stored, are entries that do not follow the
// last one (or, in an empty log, the newest snapshot), and all entries once an
// image has been received.
func (l *Log) StoreLogs(entries []*raft.Log) error {
	if len(entries) == 0 {
		return nil
	}
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.mayChange(); err != nil {
		return err
	}
	if err := l.follows(entries); err != nil {
		return err
	}
	size := 0
	for _, e := range entries {
		size += entryKeyBytes + 16 + entryBytes(e)
	}
	b := l.db.NewBatchWithSize(size)
	for _, e := range entries {
		op := b.SetDeferred(entryKeyBytes, entryBytes(e))
		putEntryKey(op.Key, e.Index)
		putEntry(op.Key, op.Value, e)
		if err := op.Finish(); err != nil {
			return l.fail(err)
		}
	}
	if err := l.commit(b); err != nil {
		return err
	}
	_ = b.Close() // it returns memory to a pool
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == 0 {
		l.first = entries[0].Index
	}
	l.last = entries[len(entries)-1].Index
	for _, e := range entries {
		l.sizes.add(e.Index, entryBytes(e))
	}
	return nil
}

// follows checks that entries continue the log without a gap.
func (l *Log) follows(entries []*raft.Log) error {
	l.mu.Lock()
	next := l.last + 1
	if l.last == 0 {
		next = l.snapshot.Index + 1
	}
	l.mu.Unlock()
	for _, e := range entries {
		if e.Index != next {
			return firn.Errorf(firn.ErrInvalid, "entry %d does not follow: the Raft log in %s goes on at %d", e.Index, l.dir, next)
		}
		if uint64(len(e.Data)) > 1<<32-1 || uint64(len(e.Extensions)) > 1<<32-1 {
			return firn.Errorf(firn.ErrTooLarge, "entry %d has %d bytes, the Raft log takes less than 4 GiB", e.Index, len(e.Data))
		}
		next++
	}
	return nil
}

// mayChange refuses changes of the entries once an image has been received.
func (l *Log) mayChange() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.received.Index != 0 {
		return firn.Errorf(firn.ErrUnavailable, "an image at index %d has been received; the Raft log in %s takes entries again once the replica is opened from it", l.received.Index, l.dir)
	}
	return nil
}

// GetLog reads an entry: raft.ErrLogNotFound if the index is outside the log.
// An entry that is missing or damaged ends the log. After [Log.Running], such
// an error also ends the calling goroutine; use Entry outside of Raft.
func (l *Log) GetLog(index uint64, entry *raft.Log) error {
	err := l.read(index, entry)
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		l.endCaller()
	}
	return err
}

// Entry reads an entry: raft.ErrLogNotFound if the index is outside the log.
func (l *Log) Entry(index uint64) (*raft.Log, error) {
	var e raft.Log
	if err := l.read(index, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

func (l *Log) read(index uint64, entry *raft.Log) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	if !l.holds(index) {
		return raft.ErrLogNotFound
	}
	key := entryKey(index)
	value, closer, err := l.db.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		if !l.holds(index) { // removed just now
			return raft.ErrLogNotFound
		}
		return l.fail(l.damagedEntry(index, errors.New("it is missing")))
	case err != nil:
		return l.fail(fmt.Errorf("read entry %d: %w", index, err))
	}
	defer closer.Close()
	if err := getEntry(key, value, entry); err != nil {
		return l.fail(l.damagedEntry(index, err))
	}
	return nil
}

func (l *Log) holds(index uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return index != 0 && l.first <= index && index <= l.last
}

// DeleteRange removes the entries from min to max, both included: from the
// log's beginning, or to its end. The removal is synced, and costs the same for
// any number of entries: it is one range tombstone, and Pebble drops tables
// that lie within one without reading them.
func (l *Log) DeleteRange(min, max uint64) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.mayChange(); err != nil {
		return err
	}
	if changed, err := l.cut(min, max); err != nil || !changed {
		return err
	}
	if planted.Is(planted.TruncationForgotten) && max > l.last { // what was cut off is there again after a restart
		return nil
	}
	b := l.db.NewBatch()
	if err := deleteEntries(b, min, max); err != nil {
		return l.fail(err)
	}
	return l.commit(b)
}

// cut takes the entries out of the bounds, before they are removed: a reader
// then finds them outside the log, and not missing. It reports whether there
// are any.
func (l *Log) cut(min, max uint64) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == 0 || max < l.first || min > l.last || max < min {
		return false, nil
	}
	switch {
	case min <= l.first && max >= l.last:
		l.first, l.last = 0, 0
		l.sizes.clear()
	case min <= l.first && max > l.snapshot.Index:
		return false, firn.Errorf(firn.ErrInvalid, "removing the entries %d to %d would lose some: the newest snapshot in the Raft log in %s is at %d", min, max, l.dir, l.snapshot.Index)
	case min <= l.first:
		l.first = max + 1
		l.sizes.removeThrough(max)
	case max >= l.last:
		l.last = min - 1
		l.sizes.removeFrom(min)
	default:
		return false, firn.Errorf(firn.ErrInvalid, "removing the entries %d to %d would leave a hole: the Raft log in %s holds %d to %d", min, max, l.dir, l.first, l.last)
	}
	return true, nil
}

func deleteEntries(b *pebble.Batch, min, max uint64) error {
	end := entriesEnd
	if max != 1<<64-1 {
		end = entryKey(max + 1)
	}
	return b.DeleteRange(entryKey(min), end, nil)
}

// Bytes returns about how many bytes the entries take.
func (l *Log) Bytes() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sizes.bytes()
}

// IndexForBytes returns an index such that the entries from it to the last one
// take about limit bytes at most (give or take 128 KiB), and as few entries as
// possible are left out; the last index + 1 when not even the last entry fits.
// Raft's TrailingLogs is the last index + 1 minus it.
func (l *Log) IndexForBytes(limit uint64) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sizes.indexFor(limit, l.first, l.last)
}
