package dump

import (
	"bytes"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Walk calls visit with every key and value from lower on, in order, as far as
// they can be read. Where some cannot, it calls damaged with the last key before
// them (nil: none) and the reason, and goes on behind them. An error that either
// returns ends the walk.
func Walk(db *pebble.DB, lower []byte, visit func(key, value []byte) error, damaged func(after []byte, reason error) error) error {
	w := &walk{db: db, visit: visit, at: lower}
	for {
		reason, err := w.forward()
		if err != nil || reason == nil {
			return err
		}
		if !w.told {
			w.told = true
			if err := damaged(w.last, reason); err != nil {
				return err
			}
		}
		ok, err := w.pass()
		if err != nil || !ok {
			return err
		}
	}
}

type walk struct {
	db    *pebble.DB
	visit func(key, value []byte) error
	at    []byte // from where on keys are to be read
	last  []byte // the last key that was read
	told  bool   // that what is behind it cannot be read

	bounds [][]byte // where the store's tables begin and end, in order; nil: not asked for yet
}

// forward reads on until the end, where reason is nil, or until damage.
func (w *walk) forward() (reason, err error) {
	it, err := w.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.SeekGE(w.at); it.Valid(); it.Next() {
		value, reason := it.ValueAndErr()
		if reason != nil {
			return reason, nil
		}
		w.last, w.told = append(w.last[:0], it.Key()...), false
		if err := w.visit(it.Key(), value); err != nil {
			return nil, err
		}
	}
	return it.Error(), nil
}

// pass finds the next key behind what cannot be read: up to where the next table
// begins or ends, it goes back key by key until it meets the damage from behind.
// So of a table with one damaged block no other block is lost. ok is false where
// there is nothing behind it.
func (w *walk) pass() (ok bool, err error) {
	if w.bounds == nil {
		if err := w.findBounds(); err != nil {
			return false, err
		}
	}
	from := w.at
	if bytes.Compare(w.last, from) > 0 {
		from = w.last
	}
	i, found := slices.BinarySearchFunc(w.bounds, from, bytes.Compare)
	if found {
		i++
	}
	it, err := w.db.NewIter(nil)
	if err != nil {
		return false, err
	}
	defer it.Close()
	var back []byte // the lowest key that can be read from behind
	valid := it.Last
	if i < len(w.bounds) {
		valid = func() bool { return it.SeekLT(w.bounds[i]) }
	}
	for more := valid(); more && bytes.Compare(it.Key(), from) > 0; more = it.Prev() {
		if _, reason := it.ValueAndErr(); reason != nil {
			break
		}
		back = append(back[:0], it.Key()...)
	}
	switch {
	case back != nil:
		w.at = back
	case i < len(w.bounds):
		w.at = w.bounds[i]
	default:
		return false, nil
	}
	return true, nil
}

func (w *walk) findBounds() error {
	levels, err := w.db.SSTables()
	if err != nil {
		return err
	}
	w.bounds = [][]byte{}
	for _, tables := range levels {
		for _, t := range tables {
			w.bounds = append(w.bounds, t.Smallest.UserKey, t.Largest.UserKey)
		}
	}
	slices.SortFunc(w.bounds, bytes.Compare)
	w.bounds = slices.CompactFunc(w.bounds, bytes.Equal)
	return nil
}
