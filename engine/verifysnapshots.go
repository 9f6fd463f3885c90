package engine

import (
	"context"

	"github.com/firndb/firn"
)

// snapshots walks through the lists of snapshots and checks that each one is
// there, whole, and of a revision that its stream has, and that there are no
// others (14).
func (v *verifier) snapshots(ctx context.Context) error {
	l := &lookup{db: v.db, s: v.s}
	defer l.close()
	err := v.each(ctx, []byte{prefixSnapshots}, []byte{prefixSnapshots + 1}, func(key, value []byte) error {
		stream := string(key[1:max(1, len(key)-1)])
		list, err := parseSnapshotList(key, value)
		if err != nil || firn.CheckStreamName(stream) != nil || key[len(key)-1] != nameEnd {
			return v.fault(14, key, stream, 0, "a list of snapshots that is none: %v", err)
		}
		next, err := l.nextAt(stream, v.s.p.head)
		if err != nil {
			return v.unreadable(key, err)
		}
		for i := range list.folds {
			if err := v.fold(key, stream, &list.folds[i], next); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	found := uint64(0)
	err = v.each(ctx, []byte{prefixSnapshot}, []byte{prefixSnapshot + 1}, func(_, _ []byte) error {
		found++
		return nil
	})
	if err == nil && found != v.counted.snapshots && len(v.report.Faults) == 0 {
		return v.fault(14, []byte{prefixSnapshot}, "", 0, "%d snapshots are listed, and there are %d", v.counted.snapshots, found)
	}
	return err
}

// fold checks the snapshots of one version of a fold.
func (v *verifier) fold(key []byte, stream string, f *foldSnapshots, next uint64) error {
	if len(f.kept) > snapshotsMax {
		return v.fault(14, key, stream, 0, "%d snapshots of the fold %q are kept; at most %d may be", len(f.kept), f.name, snapshotsMax)
	}
	for _, k := range f.kept {
		v.counted.snapshots++
		key := appendSnapshotKey(nil, stream, f.version, k.revision)
		value, err := get(v.db, key)
		if err != nil {
			return v.unreadable(key, err)
		}
		state, _, err := parseSnapshotValue(key, value)
		switch {
		case value == nil:
			err = v.fault(14, key, stream, 0, "the snapshot of the fold %q at revision %d is listed, and not there", f.name, k.revision)
		case err != nil || uint64(len(state)) != k.bytes:
			err = v.fault(14, key, stream, 0, "the snapshot of the fold %q at revision %d is damaged; listed are %d bytes, and there are %d", f.name, k.revision, k.bytes, len(state))
		case k.revision >= next:
			err = v.fault(14, key, stream, 0, "there is a snapshot at revision %d, and the stream's next revision is %d", k.revision, next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
