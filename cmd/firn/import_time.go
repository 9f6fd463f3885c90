package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firndb/firn"
)

// timeOf is the time that an append of lines is to have; zero: that of the
// clock. Lines of an append have one time. One without lines, which only writes
// the progress, has that of the append before.
func (im *importer) timeOf(lines []importLine) time.Time {
	switch {
	case !im.dated:
		return time.Time{}
	case len(lines) == 0:
		return im.at
	case lines[0].time.IsZero():
		im.undate(lines[0].number, errors.New("no event up to here has a time"))
	}
	return lines[0].time
}

// persistDated appends under a time, or by the clock where the store refuses the
// time: from then on the clock is past it.
func (im *importer) persistDated(at time.Time, writes []firn.Write, events int) (firn.Appended, error) {
	done, err := im.persist(at, writes)
	if !at.IsZero() && isTimeConflict(err) {
		im.undate(im.progress.Line+1, err)
		return im.persist(time.Time{}, writes)
	}
	if err == nil && !at.IsZero() {
		im.at = at
		im.own += events
	}
	return done, err
}

// undate ends the recording of events under their own times.
func (im *importer) undate(line int, why error) {
	im.dated = false
	if im.bar != nil {
		im.bar.Clear()
	}
	fmt.Fprintf(im.err, "%s:%d: from here on events are recorded under the time of the import, and their own is kept as occurred: %v\n", im.path, line, why)
}

// isTimeConflict reports whether an append was refused for its time.
func isTimeConflict(err error) bool {
	var expectation *firn.ConflictError
	return errors.Is(err, firn.ErrConflict) && !errors.As(err, &expectation)
}

// appendOnce makes one attempt.
func (im *importer) appendOnce(ctx context.Context, at time.Time, writes []firn.Write) (firn.Appended, error) {
	if at.IsZero() {
		return im.db.Append(ctx, writes...)
	}
	return im.db.AppendAt(ctx, at, writes...)
}
