package engine

import (
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// snapshots removes those of revisions that are not there any more. One that
// leaves a hidden beginning out may have been made when less was hidden than is
// now hidden again; it goes if it may be from behind the position.
func (c *cutter) snapshots(l *lookup) error {
	it, err := c.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixSnapshots}, UpperBound: []byte{prefixSnapshots + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		list, err := parseSnapshotList(it.Key(), value)
		if err != nil {
			return err
		}
		if err := c.snapshotsOf(l, string(it.Key()[1:len(it.Key())-1]), list); err != nil {
			return err
		}
	}
	return it.Error()
}

func (c *cutter) snapshotsOf(l *lookup, stream string, list *snapshotList) error {
	next, err := l.nextAt(stream, c.to)
	if err != nil {
		return err
	}
	folds := list.folds[:0]
	for _, f := range list.folds {
		var gone []keptSnapshot
		for _, k := range f.kept {
			stays := k.revision < next
			if stays && f.saved > c.to {
				key := appendSnapshotKey(nil, stream, f.version, k.revision)
				value, err := get(c.db, key)
				if err != nil {
					return err
				}
				_, partial, err := parseSnapshotValue(key, value)
				stays = err == nil && !partial
			}
			if !stays {
				gone = append(gone, k)
			}
		}
		if err := c.a.drop(stream, f.version, gone); err != nil {
			return err
		}
		c.p.totals.snapshots -= uint64(len(gone))
		f.kept = slices.DeleteFunc(f.kept, func(k keptSnapshot) bool { return slices.Contains(gone, k) })
		f.saved = min(f.saved, c.to)
		if len(f.kept) > 0 {
			folds = append(folds, f)
		}
	}
	list.folds = folds
	return c.a.writeSnapshots(stream, list)
}
