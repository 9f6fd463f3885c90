package engine

import (
	"context"
	"iter"
	"sort"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// Loading is what [Engine.Load] has found.
type Loading struct {
	Snapshot *firn.Snapshot                  // nil: there is none that fits
	Records  iter.Seq2[record.Stored, error] // the events behind it; the bytes are valid until the next step
	Version  firn.FoldVersion
	Revision firn.Revision // the stream's last one, visible or not
	Begun    firn.Revision // with which the stream began, or began again after it was deleted
	First    firn.Revision // the first visible one; behind Revision: there is none
	Position firn.Position
	Open     bool
	Partial  bool
}

// Load finds the newest snapshot of a version of a fold that fits, and the
// events of the stream behind it. A snapshot that is damaged is passed over. All
// of it is of one past.
func (e *Engine) Load(ctx context.Context, q firn.LoadQuery, now time.Time) (Loading, error) {
	s := e.seen.Load()
	found, src, err := e.load(s, &q, now)
	if err != nil {
		return Loading{}, damage(err)
	}
	found.Records = func(yield func(record.Stored, error) bool) {
		for located, err := range e.drain(ctx, s, src, &firn.Query{}) {
			stored, err := whole(located, err)
			if !yield(stored, err) || err != nil {
				return
			}
		}
	}
	return found, nil
}

func (e *Engine) load(s *seen, q *firn.LoadQuery, now time.Time) (found Loading, src source, err error) {
	if err := e.enter(); err != nil {
		return found, nil, err
	}
	defer e.leave()
	l := lookup{db: e.db, s: s}
	defer l.close()
	b, err := l.bound(q.Bound, q.Stream, now)
	if err != nil {
		return found, nil, err
	}
	found.Position, found.Open = b.position, b.open
	st, err := l.status(q.Stream, b)
	if err == nil {
		err = st.refusal(q.Stream)
	}
	if err != nil {
		return found, nil, err
	}
	found.Begun, found.First, found.Revision = firn.Revision(st.begun()), firn.Revision(st.first), firn.Revision(st.next-1)
	found.Version = q.Version
	first := st.first
	if found.Snapshot, err = l.snapshot(q, &st); err != nil {
		return found, nil, err
	}
	if found.Snapshot != nil {
		first = uint64(found.Snapshot.Revision) + 1
		found.Partial = found.Snapshot.Partial
	} else {
		found.Partial = first > st.begun()
	}
	if first < st.next {
		src = &streamSource{stream: q.Stream, next: first, last: st.next - 1}
	}
	return found, src, nil
}

// begun is the revision with which the stream began, or began again after it
// was deleted.
func (st *status) begun() uint64 {
	if st.life == nil {
		return 0
	}
	return st.life.deleted
}

// snapshot returns the newest snapshot that stands for all that is hidden and
// for nothing that may not be seen, nil where there is none.
func (l *lookup) snapshot(q *firn.LoadQuery, st *status) (*firn.Snapshot, error) {
	if l.s.p.totals.snapshots == 0 {
		return nil, nil
	}
	key := appendSnapshotsKey(nil, q.Stream)
	value, err := get(l.db, key)
	if err != nil || value == nil {
		return nil, err
	}
	list, err := parseSnapshotList(key, value)
	if err != nil {
		return nil, err
	}
	fold := list.find(q.Version)
	if planted.Is(planted.FoldHashForgotten) && len(list.folds) > 0 { // which version made a snapshot is not looked at
		fold, q.Version = &list.folds[0], list.folds[0].version
	}
	if fold == nil {
		return nil, nil
	}
	kept := fold.kept[:sort.Search(len(fold.kept), func(i int) bool { return fold.kept[i].revision >= st.next })]
	for i := len(kept) - 1; i >= 0 && kept[i].revision+1 >= max(st.first, 1) && kept[i].revision >= st.begun(); i-- {
		key = appendSnapshotKey(key[:0], q.Stream, q.Version, kept[i].revision)
		value, err := get(l.db, key)
		if err != nil {
			return nil, err
		}
		state, partial, err := parseSnapshotValue(key, value)
		if err != nil {
			continue // damaged, or thinned out just now
		}
		return &firn.Snapshot{
			Stream: q.Stream, Fold: fold.name, Version: q.Version,
			Revision: firn.Revision(kept[i].revision), State: state, Partial: partial,
		}, nil
	}
	return nil, nil
}
