package raftlog

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/planted"
)

// Snapshot returns the newest snapshot, if there is one. Its Size is 0.
func (l *Log) Snapshot() (raft.SnapshotMeta, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return clone(l.snapshot), l.snapshot.Index != 0
}

// Received returns the image that was received completely and waits to be put
// to use, if there is one: the id it was received under, and what it contains.
func (l *Log) Received() (id string, meta raft.SnapshotMeta, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.received.ID, clone(l.received), l.received.Index != 0
}

func clone(m raft.SnapshotMeta) raft.SnapshotMeta {
	m.Configuration = m.Configuration.Clone()
	return m
}

// recordSnapshot makes a snapshot of this replica's own the newest one.
func (l *Log) recordSnapshot(meta raft.SnapshotMeta) error {
	return l.change(func(b *pebble.Batch) error {
		if err := l.mayChange(); err != nil {
			return err
		}
		return setRecord(b, keySnapshot, &meta)
	}, func() { l.snapshot = recorded(meta) })
}

// recordReceived notes that an image has come in completely. From now on the
// entries do not change until Adopt.
func (l *Log) recordReceived(meta raft.SnapshotMeta) error {
	return l.change(func(b *pebble.Batch) error {
		return setRecord(b, keyReceived, &meta)
	}, func() { l.received = recorded(meta) })
}

// Adopt makes the image that was received the replica's snapshot, once the
// engine holds its data. If the log holds an entry with the image's index and
// term, the entries behind it stay, since others may count on this replica
// having them; otherwise all entries go. Term and vote stay. Everything is
// changed in one synced batch; a crash before it leaves the image received.
func (l *Log) Adopt() error {
	_, meta, ok := l.Received()
	if !ok {
		return firn.Errorf(firn.ErrInvalid, "the Raft log in %s has no received image to adopt", l.dir)
	}
	agrees, err := l.agrees(meta)
	if err != nil {
		return err
	}
	removeThrough := uint64(1<<64 - 1)
	if agrees || planted.Is(planted.DivergentSuffixKept) { // entries of another term stay
		removeThrough = meta.Index
	}
	return l.begin(meta, removeThrough)
}

// agrees reports whether the log holds what the image ends with, as an entry or
// as its newest snapshot.
func (l *Log) agrees(meta raft.SnapshotMeta) (bool, error) {
	if newest, _ := l.Snapshot(); newest.Index == meta.Index {
		return newest.Term == meta.Term, nil
	}
	entry, err := l.Entry(meta.Index)
	if errors.Is(err, raft.ErrLogNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return entry.Term == meta.Term, nil
}

// Reset makes the log begin after a snapshot: all entries go, and a received
// image is forgotten. Term and vote stay. It is for a replica whose engine was
// given its data by hand (a restored backup, a recovery without the majority).
// Everything is changed in one synced batch. Raft must not be running.
func (l *Log) Reset(meta raft.SnapshotMeta) error {
	if meta.Index == 0 || meta.Term == 0 {
		return firn.Errorf(firn.ErrInvalid, "a snapshot at index %d of term %d cannot be", meta.Index, meta.Term)
	}
	return l.begin(meta, 1<<64-1)
}

// begin makes meta the newest snapshot and removes the entries up to an index.
func (l *Log) begin(meta raft.SnapshotMeta, removeThrough uint64) error {
	return l.change(func(b *pebble.Batch) error {
		return errors.Join(
			deleteEntries(b, 0, removeThrough),
			setRecord(b, keySnapshot, &meta),
			b.Delete(keyReceived, nil),
		)
	}, func() {
		l.snapshot, l.received = recorded(meta), raft.SnapshotMeta{}
		if removeThrough >= l.last {
			l.first, l.last = 0, 0
			l.sizes.clear()
		} else if removeThrough >= l.first {
			l.first = removeThrough + 1
			l.sizes.removeThrough(removeThrough)
		}
	})
}

// change writes what fill puts into a batch, synced, and then runs done with mu
// held.
func (l *Log) change(fill func(*pebble.Batch) error, done func()) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	l.writing.Lock()
	defer l.writing.Unlock()
	b := l.db.NewBatch()
	if err := fill(b); err != nil {
		_ = b.Close()
		return err
	}
	if err := l.commit(b); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	done()
	return nil
}

func setRecord(b *pebble.Batch, key []byte, meta *raft.SnapshotMeta) error {
	payload, err := appendRecord(nil, meta)
	if err != nil {
		return firn.Errorf(firn.ErrInternal, "record the snapshot at %d: %v", meta.Index, err)
	}
	return b.Set(key, seal(key, payload), nil)
}

// recorded is a snapshot as its record would give it back.
func recorded(meta raft.SnapshotMeta) raft.SnapshotMeta {
	return raft.SnapshotMeta{
		Version:            raft.SnapshotVersionMax,
		ID:                 snapshotID(meta.Index, meta.Term),
		Index:              meta.Index,
		Term:               meta.Term,
		Configuration:      meta.Configuration.Clone(),
		ConfigurationIndex: meta.ConfigurationIndex,
	}
}
