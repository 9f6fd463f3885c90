package engine

import (
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
)

// ranks holds, for the streams of one layer, the first revision that is
// visible as of a bound. Where nothing ever happened to any stream, and no
// category has limits, it costs nothing; else a stream's is found when it is
// first asked for.
type ranks struct {
	bound  bound
	first  []uint64          // by place in view.streams; unranked: not known yet. nil: everything is visible
	byName map[string]uint64 // the same where there is no view
}

const unranked = maxRevision

// newRanks begins the ranks of a layer.
func newRanks(l *lookup, v *view, b bound) (*ranks, error) {
	r := &ranks{bound: b}
	if !l.s.hides() {
		return r, nil
	}
	r.first = make([]uint64, len(v.streams))
	for i := range r.first {
		r.first[i] = unranked
	}
	if l.s.p.totals.shared > 0 || !v.sorted {
		return r, nil
	}
	for i := range r.first {
		r.first[i] = 0
	}
	return r, r.mark(l, v)
}

// hides reports whether anything in the store may be hidden.
func (s *seen) hides() bool { return s.p.totals.changes > 0 || s.p.totals.shared > 0 }

// mark marks those streams of a sealed layer to which something has happened,
// walking through the layer's names and the keys of life side by side: one
// seek for each name that both have, at most two for each that one lacks.
func (r *ranks) mark(l *lookup, v *view) error {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixLife}, UpperBound: []byte{prefixLife + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	for i := 0; i < len(v.streams); {
		l.buf = appendLifePrefix(l.buf[:0], v.streams[i])
		if !it.SeekGE(l.buf) {
			break
		}
		name, _, ok := parseNamed(it.Key()[1:])
		if !ok {
			return damagedKey(it.Key())
		}
		i += sort.Search(len(v.streams)-i, func(j int) bool { return v.streams[i+j] >= string(name) })
		if i < len(v.streams) && v.streams[i] == string(name) {
			r.first[i] = unranked
			i++
		}
	}
	return it.Error()
}

func damagedKey(key []byte) error {
	return firn.Errorf(firn.ErrDamaged, "the key %q has no place in the key space; restore this node from another replica or a backup", key)
}

// ofPlace returns the first visible revision of a stream of the view.
func (r *ranks) ofPlace(l *lookup, v *view, stream uint32) (uint64, error) {
	if r.first == nil {
		return 0, nil
	}
	if r.first[stream] != unranked {
		return r.first[stream], nil
	}
	st, err := l.status(v.streams[stream], r.bound)
	r.first[stream] = st.first
	return st.first, err
}

// ofName is ofPlace where there is no view.
func (r *ranks) ofName(l *lookup, stream string) (uint64, error) {
	if !l.s.hides() {
		return 0, nil
	}
	if first, ok := r.byName[stream]; ok {
		return first, nil
	}
	if r.byName == nil {
		r.byName = make(map[string]uint64)
	}
	st, err := l.status(stream, r.bound)
	r.byName[stream] = st.first
	return st.first, err
}
