package engine

import (
	"math"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// bound is the past that a read is held to: nothing after the position is
// seen, and ages are measured from the time.
type bound struct {
	position firn.Position
	time     int64 // µs
	open     bool  // asked as of a moment that later events may still fall into
}

// bound turns a point into a bound. A point beyond the head means the head.
// The stream is the one asked about, where it is one.
func (l *lookup) bound(p firn.Point, stream string, now time.Time) (b bound, err error) {
	head := l.s.p.head
	switch p.Kind() {
	case firn.PointNone, firn.PointEnd:
		return bound{position: head, time: record.Micros(now)}, nil
	case firn.PointStart:
		return bound{time: 0}, nil
	case firn.PointRevision:
		b.position, err = l.positionOf(stream, uint64(p.Revision()))
	case firn.PointPosition:
		b.position = min(p.Position(), head)
	case firn.PointMoment:
		return l.boundAtMoment(p.Moment(), now)
	}
	if err == nil {
		b.time, err = l.timeAt(b.position)
	}
	return b, err
}

func (l *lookup) boundAtMoment(moment, now time.Time) (bound, error) {
	b := bound{time: record.Micros(moment)}
	var err error
	if b.position, err = l.positionAt(b.time); err != nil {
		return b, err
	}
	if b.position == 0 {
		return b, l.s.beforeStore(moment)
	}
	b.open = max(record.Micros(now), l.s.p.time) <= b.time
	return b, nil
}

func (s *seen) beforeStore(moment time.Time) error {
	if s.p.head == 0 {
		return firn.Errorf(firn.ErrBeforeStore, "the store holds no event yet; %s is before it", moment.Format(time.RFC3339Nano))
	}
	first := s.p.time
	if len(s.sealed) > 0 {
		first = s.sealed[0].firstTime
	} else if len(s.tail.recs) > 0 {
		first = s.tail.recs[0].time
	}
	return firn.Errorf(firn.ErrBeforeStore, "the store begins at %s; %s is before it", record.Time(first).Format(time.RFC3339Nano), moment.Format(time.RFC3339Nano))
}

// positionOf returns the position of a stream's revision, the head for one that
// is beyond the last.
func (l *lookup) positionOf(stream string, revision uint64) (firn.Position, error) {
	next, err := l.nextAt(stream, l.s.p.head)
	if err != nil || revision >= next {
		return l.s.p.head, err
	}
	it, err := l.iterator()
	if err != nil {
		return 0, err
	}
	layer, first, err := newestIndex(it, l.buf, stream, revision)
	if err != nil {
		return 0, err
	}
	if first == maxRevision {
		return 0, missing(stream, revision, "no layer is known to hold it")
	}
	n, err := l.nodeOf(layer, stream, revision)
	return n.Position, err
}

// positions is a range of positions, both ends included; empty where from > to.
type positions struct{ from, to firn.Position }

// begin returns the positions that a read bounded at a position may show, going
// from a point.
func (l *lookup) begin(from firn.Point, backwards bool, to firn.Position) (positions, error) {
	nothing, all := positions{1, 0}, positions{1, to}
	switch from.Kind() {
	case firn.PointStart:
		if backwards {
			return nothing, nil
		}
	case firn.PointEnd:
		if !backwards {
			return nothing, nil
		}
	case firn.PointPosition:
		if backwards {
			all.to = min(to, from.Position())
		} else {
			all.from = max(1, from.Position())
		}
	case firn.PointMoment:
		moment := record.Micros(from.Moment())
		if !backwards {
			if moment == math.MinInt64 {
				return all, nil
			}
			moment--
		}
		p, err := l.positionAt(moment)
		if err != nil {
			return nothing, err
		}
		if backwards {
			all.to = min(to, p)
		} else {
			all.from = p + 1
		}
	}
	return all, nil
}

func (s *seen) timeOfHead() time.Time {
	if s.p.head == 0 {
		return time.Time{}
	}
	return record.Time(s.p.time)
}

// Resolve returns the position that a point stands for, and whether later
// events may still fall into it.
func (e *Engine) Resolve(p firn.Point, now time.Time) (pos firn.Position, open bool, err error) {
	if p.Kind() == firn.PointRevision {
		return 0, false, firn.Errorf(firn.ErrInvalid, "a revision is a place in one stream; give a position or a moment")
	}
	if err := e.enter(); err != nil {
		return 0, false, err
	}
	defer e.leave()
	l := lookup{db: e.db, s: e.seen.Load()}
	defer l.close()
	b, err := l.bound(p, "", now)
	return b.position, b.open, err
}
