package main

import (
	"fmt"
	"time"

	"github.com/firndb/firn"
)

// byOccurrence makes of a moment, at which events occurred, the revision of the
// last one that had occurred by then: where they were recorded later, as when
// they were imported, the times of the store do not know it. The stream is read
// through for that.
func (s *session) byOccurrence(q *firn.StateQuery) error {
	if q.At.Kind() != firn.PointMoment {
		return usage("--occurred is for --at with a moment, like 2026-03-01; revisions and positions do not need it")
	}
	moment := q.At.Moment()
	var found firn.Point
	var later, between uint64 // events that occurred afterwards: since the one found, and before it
	read := firn.Query{Stream: q.Stream, Raw: true, Consistency: q.Consistency}
	err := each(s.patience, s.db.Read(s.ctx, read), func(e *firn.Event) error {
		if occurred(e).After(moment) {
			later++
			return nil
		}
		found = firn.RevisionPoint(e.Revision)
		between, later = between+later, 0
		return nil
	})
	if err != nil {
		return err
	}
	if found.IsZero() {
		return firn.Errorf(firn.ErrBeforeStore, "no event of stream %q had occurred by %s", q.Stream, q.At)
	}
	q.At = found
	if between > 0 {
		_, err = fmt.Fprintf(s.err, "firn: the stream is not in the order in which its events occurred: %s that occurred later is recorded before revision %s, and is in this state\n",
			plural(between, "event"), found)
	}
	return err
}

// occurred is when an event occurred, which is when it was recorded unless it
// says otherwise.
func occurred(e *firn.Event) time.Time {
	if e.Occurred.IsZero() {
		return e.Time
	}
	return e.Occurred
}
