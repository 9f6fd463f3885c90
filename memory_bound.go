package firn

import (
	"cmp"
	"time"
)

// bound is the past that a query is held to: nothing after the position is
// seen, and ages are measured from the time.
type bound struct {
	position Position
	time     time.Time
	open     bool // asked as of a moment that later events may still fall into
}

// present is the bound of a query that names none.
func (m *memory) present() bound { return bound{position: m.head(), time: m.clock()} }

// bound turns a point into a bound. A point beyond the head means the head.
// The stream is the one asked about, where it is one.
func (m *memory) bound(p Point, stream string) (bound, error) {
	at := m.head()
	switch p.Kind() {
	case PointNone, PointEnd:
		return m.present(), nil
	case PointStart:
		at = 0
	case PointRevision:
		if events := m.streams[stream]; p.Revision() < Revision(len(events)) {
			at = events[p.Revision()].Position
		}
	case PointPosition:
		at = min(p.Position(), m.head())
	case PointMoment:
		return m.boundAtMoment(p.Moment())
	}
	return bound{position: at, time: m.timeAt(at)}, nil
}

// boundAtMoment is the last event not after the moment.
func (m *memory) boundAtMoment(moment time.Time) (bound, error) {
	at := m.head()
	for at > 0 && m.timeAt(at).After(moment) {
		at--
	}
	if m.head() == 0 {
		return bound{}, Errorf(ErrBeforeStore, "the store holds no event yet; %s is before it", moment.Format(time.RFC3339Nano))
	}
	if at == 0 {
		return bound{}, Errorf(ErrBeforeStore, "the store begins at %s; %s is before it", m.timeAt(1).Format(time.RFC3339Nano), moment.Format(time.RFC3339Nano))
	}
	return bound{position: at, time: moment, open: !m.nextTime().After(moment)}, nil
}

// begins reports whether an event is on the wanted side of the point from
// which a read begins: not before it, or going backwards not after it.
func begins(from Point, e Event, backwards bool) bool {
	var order int // of the event against the point
	switch from.Kind() {
	case PointNone:
		return true
	case PointStart:
		order = +1
	case PointEnd:
		order = -1
	case PointRevision:
		order = cmp.Compare(e.Revision, from.Revision())
	case PointPosition:
		order = cmp.Compare(e.Position, from.Position())
	case PointMoment:
		order = e.Time.Compare(from.Moment())
	}
	if backwards {
		return order <= 0
	}
	return order >= 0
}
