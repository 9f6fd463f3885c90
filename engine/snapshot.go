package engine

import (
	"cmp"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// snapshot judges a snapshot and keeps it. One with the same stream, version and
// revision takes the place of the one before it, which may be damaged.
func (a *applier) snapshot(item *command.Snapshot) (command.Result, error) {
	s := firn.Snapshot{Stream: string(item.Stream), Fold: string(item.Fold), State: item.State}
	if err := s.Check(); err != nil {
		return command.Result{}, err
	}
	if len(item.Actor) > firn.ActorBytesMax {
		return command.Result{}, firn.Errorf(firn.ErrInvalid, "the actor's name has %d bytes; at most %d are allowed", len(item.Actor), firn.ActorBytesMax)
	}
	stream, err := a.state(item.Stream)
	if err != nil {
		return command.Result{}, err
	}
	if err := stream.judgeSnapshot(uint64(item.Revision)); err != nil {
		return command.Result{}, err
	}
	list, err := a.snapshotsOf(stream.name)
	if err != nil {
		return command.Result{}, err
	}
	fold, err := a.makeRoom(list, stream.name, item)
	if err != nil {
		return command.Result{}, err
	}
	fold.saved = a.p.head
	kept := keptSnapshot{revision: uint64(item.Revision), bytes: uint64(len(item.State))}
	at, found := slices.BinarySearchFunc(fold.kept, kept, func(a, b keptSnapshot) int { return cmp.Compare(a.revision, b.revision) })
	if found {
		fold.kept[at] = kept
	} else {
		fold.kept = slices.Insert(fold.kept, at, kept)
		a.p.totals.snapshots++
	}
	var gone []keptSnapshot
	fold.kept, gone = thin(fold.kept, snapshotsMax, snapshotBytesMax)
	if !slices.Contains(gone, kept) {
		key := appendSnapshotKey(nil, stream.name, item.Version, kept.revision)
		if err := a.set(key, appendSnapshotValue(nil, key, item.State, item.Partial)); err != nil {
			return command.Result{}, err
		}
	}
	if err := a.drop(stream.name, item.Version, gone); err != nil {
		return command.Result{}, err
	}
	return command.Result{Appended: firn.Appended{Position: a.p.head}}, a.writeSnapshots(stream.name, list)
}

// judgeSnapshot says why no snapshot at a revision can be kept, or nil.
func (s *streamState) judgeSnapshot(revision uint64) error {
	switch {
	case s.tombstoned():
		return tombstoned(s.name, s.life.tombstoned)
	case s.next == 0:
		return notFound(s.name)
	case s.isDeleted():
		return deleted(s.name, s.life.deletedAt)
	}
	first := uint64(0)
	if s.life != nil {
		first = s.life.deleted
	}
	if revision < first || revision >= s.next {
		actual := firn.At(firn.Revision(s.next - 1))
		e := (&firn.ConflictError{Stream: s.name, Expected: firn.At(firn.Revision(revision)), Actual: actual}).Err()
		e.Message = "no snapshot is kept: " + e.Message
		return e
	}
	return nil
}

// makeRoom returns the list's entry for a version of a fold. Of the fold's
// other versions the one that was saved last stays, for those who still use it.
func (a *applier) makeRoom(list *snapshotList, stream string, item *command.Snapshot) (*foldSnapshots, error) {
	if f := list.find(item.Version); f != nil {
		return f, nil
	}
	var others []int
	for i := range list.folds {
		if list.folds[i].name == string(item.Fold) {
			others = append(others, i)
		}
	}
	if len(others) > oldVersions {
		out := slices.MinFunc(others, func(i, j int) int { return cmp.Compare(list.folds[i].saved, list.folds[j].saved) })
		if err := a.drop(stream, list.folds[out].version, list.folds[out].kept); err != nil {
			return nil, err
		}
		list.folds = slices.Delete(list.folds, out, out+1)
	}
	if len(list.folds) >= firn.StreamFoldsMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "stream %.64q has snapshots of %d folds, which is the most; delete folds that are no longer used", stream, len(list.folds))
	}
	list.folds = append(list.folds, foldSnapshots{name: string(item.Fold), version: item.Version})
	return &list.folds[len(list.folds)-1], nil
}

// snapshotsOf returns the list of a stream's snapshots as the batch so far has
// it. Until the batch is committed it stands in no key, so it is kept beside.
func (a *applier) snapshotsOf(stream string) (*snapshotList, error) {
	if list, ok := a.snapshots[stream]; ok {
		return list, nil
	}
	list := new(snapshotList)
	key := appendSnapshotsKey(nil, stream)
	value, err := get(a.db, key)
	if err != nil {
		return nil, err
	}
	if value != nil {
		if list, err = parseSnapshotList(key, value); err != nil {
			return nil, err
		}
	}
	if a.snapshots == nil {
		a.snapshots = map[string]*snapshotList{}
	}
	a.snapshots[stream] = list
	return list, nil
}

func (a *applier) writeSnapshots(stream string, list *snapshotList) error {
	a.key = appendSnapshotsKey(a.key[:0], stream)
	if len(list.folds) == 0 {
		return a.batch.Delete(a.key, nil)
	}
	a.value = list.append(a.value[:0])
	return a.set(a.key, a.value)
}

// drop removes snapshots.
func (a *applier) drop(stream string, version firn.FoldVersion, gone []keptSnapshot) error {
	for _, k := range gone {
		a.key = appendSnapshotKey(a.key[:0], stream, version, k.revision)
		if err := a.batch.Delete(a.key, nil); err != nil {
			return err
		}
	}
	a.p.totals.snapshots -= uint64(len(gone))
	return nil
}

// outlive removes the snapshots that a change of a stream's life makes useless:
// all at its end, and after a truncation those whose tail is gone. One at the
// truncation or behind it stands for what was truncated.
func (a *applier) outlive(s *streamState, life firn.Life) error {
	before := uint64(0)
	switch l := life.(type) {
	case firn.Delete, firn.Tombstone:
		before = maxRevision
	case firn.Truncate:
		before = uint64(l.Before)
	}
	if before == 0 || a.p.totals.snapshots == 0 {
		return nil
	}
	list, err := a.snapshotsOf(s.name)
	if err != nil || len(list.folds) == 0 {
		return err
	}
	folds := list.folds[:0]
	for _, f := range list.folds {
		n := 0
		for n < len(f.kept) && (before == maxRevision || f.kept[n].revision+1 < before) {
			n++
		}
		if err := a.drop(s.name, f.version, f.kept[:n]); err != nil {
			return err
		}
		if f.kept = f.kept[n:]; len(f.kept) > 0 {
			folds = append(folds, f)
		}
	}
	clear(list.folds[len(folds):])
	list.folds = folds
	return a.writeSnapshots(s.name, list)
}
