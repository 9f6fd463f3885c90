package engine

import (
	"time"

	"github.com/firndb/firn"
)

// status is where one stream stands as of a bound.
//
// Whatever hides events hides the oldest ones: a delete all so far, a
// truncation those below a revision, the limits the oldest by age and number.
// So what is visible of a stream is always its end, from one revision on.
type status struct {
	state firn.LifeState
	since firn.Position // of the delete or tombstone; 0 where the stream is live
	next  uint64        // the revision the next event gets; 0: never written
	first uint64        // the first visible revision; next, where none is
	life  *lifeState    // as of the bound; nil: nothing had happened

	newest *lifeState // whenever that came to be
}

// status returns where a stream stands. Three things are seen from every point
// in time, however early: a tombstone, a truncation, and what was scavenged.
func (l *lookup) status(stream string, b bound) (status, error) {
	st, err := l.then(stream, b)
	if err != nil {
		return st, err
	}
	newest := st.newest
	if newest != nil {
		st.first = max(st.first, newest.truncated)
	}
	if newest != nil && newest.tombstoned > 0 {
		st.state, st.since = firn.Tombstoned, newest.tombstoned
	}
	gone, err := l.gone(stream, newest)
	if err != nil {
		return st, err
	}
	if st.first = max(st.first, gone); st.state != firn.Live || st.first > st.next {
		st.first = st.next
	}
	return st, nil
}

// then returns where a stream stood, as was seen at the bound itself.
func (l *lookup) then(stream string, b bound) (status, error) {
	st := status{state: firn.Live}
	var err error
	if st.next, err = l.nextAt(stream, b.position); err != nil {
		return st, err
	}
	if l.s.p.totals.changes > 0 {
		if st.life, st.newest, err = l.life(stream, b.position); err != nil {
			return st, err
		}
	}
	if st.life != nil {
		st.first = st.life.deleted
		if st.life.isDeleted(st.next) {
			st.state, st.since = firn.Deleted, st.life.deletedAt
		}
	}
	return st, l.limit(&st, stream, b)
}

// life returns a stream's state of life as of a position, and the newest one.
func (l *lookup) life(stream string, p firn.Position) (then, newest *lifeState, err error) {
	it, err := l.iterator()
	if err != nil {
		return nil, nil, err
	}
	l.buf = appendLifePrefix(l.buf[:0], stream)
	if !it.SeekPrefixGE(l.buf) {
		return nil, nil, it.Error()
	}
	if newest, err = lifeAt(it, l.buf, stream, l.s.p.head); err != nil || newest == nil {
		return nil, nil, err
	}
	if newest.position <= p {
		return newest, newest, nil
	}
	then, err = lifeAt(it, l.buf, stream, p)
	return then, newest, err
}

// limit hides what the limits of the stream hide, and field by field those of
// its category where it has none.
func (l *lookup) limit(st *status, stream string, b bound) error {
	var age, count uint64
	if st.life != nil {
		age, count = st.life.maxAge, st.life.maxCount
	}
	if category := firn.Category(stream); l.s.p.totals.shared > 0 && category != "" && (age == 0 || count == 0) {
		it, err := l.iterator()
		if err != nil {
			return err
		}
		shared, err := lifeAt(it, l.buf, categoryLimit+category, b.position)
		if err != nil {
			return err
		}
		if shared != nil && age == 0 {
			age = shared.maxAge
		}
		if shared != nil && count == 0 {
			count = shared.maxCount
		}
	}
	if count > 0 && count < st.next {
		st.first = max(st.first, st.next-count)
	}
	if age == 0 || st.first >= st.next {
		return nil
	}
	// Hidden is what is at least as old as the limit: all up to one position.
	// Times are far from the ends of int64, ages may not be.
	moment := b.time - int64(age)
	if moment > b.time {
		return nil
	}
	p, err := l.positionAt(moment)
	if err != nil {
		return err
	}
	expired, err := l.nextAt(stream, min(p, b.position))
	st.first = max(st.first, expired)
	return err
}

// refusal says why the stream cannot be read, or nil. A stream of which
// nothing is left to see is read all the same: it is empty.
func (st *status) refusal(stream string) error {
	switch {
	case st.state == firn.Tombstoned:
		return tombstoned(stream, st.since)
	case st.next == 0:
		return notFound(stream)
	case st.state == firn.Deleted:
		return deleted(stream, st.since)
	}
	return nil
}

func duration(micros uint64) time.Duration { return time.Duration(micros) * time.Microsecond }
