package firn

import (
	"context"
	"time"
)

// Dated is what a store offers beside [Store] that can record events under
// times of the past, as when another store's history is moved into it.
type Dated interface {
	// AppendAt is Append for events that are to have a time of their own
	// instead of that of the clock; all events of the append have it, to the
	// microsecond. Time never goes back from one position to the next, so it is
	// an ErrConflict, without a Conflict, where the store's last event is later,
	// or where the time is ahead of the leader's clock. A repetition by the same
	// ids is recognised whatever its time is.
	AppendAt(ctx context.Context, at time.Time, writes ...Write) (Appended, error)
}

// CheckAppendTime says what is wrong with the time of an AppendAt by itself, or
// nil.
func CheckAppendTime(at time.Time) error {
	if at.UnixMicro() < 1 {
		return Errorf(ErrInvalid, "events cannot be recorded under the time %s; give one after 1970-01-01", at.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// AppendTimeConflict says what stands in the way of events of a time behind
// those of the last one, with the clock at now; or nil.
func AppendTimeConflict(at, last, now time.Time) error {
	const form = "2006-01-02T15:04:05.000000Z"
	if at.Before(last) {
		return Errorf(ErrConflict, "the time %s is before that of the store's last event, %s, and time never goes back; append without a time, and give the events their own as occurred",
			at.UTC().Format(form), last.UTC().Format(form))
	}
	if at.After(now) {
		return Errorf(ErrConflict, "the time %s is ahead of the leader's clock, which is at %s; append without a time, and give the events their own as occurred",
			at.UTC().Format(form), now.UTC().Format(form))
	}
	return nil
}
