package firn

import (
	"context"
	"iter"
	"time"
)

// Store is what an embedded node, a running node's service and the Go client
// all offer. engine/storetest runs on each of them, so they cannot drift apart.
// All methods may be called from many goroutines at once.
type Store interface {
	// Append appends the writes in one atomic step: all or none. When it
	// returns without an error, the events are synced at a majority.
	//
	// A repetition of an earlier append (the same ids with the same content in
	// the same streams) is answered with the first result, Repeated set, and
	// appends nothing. A write without drafts is only a condition.
	//
	// Errors: ErrConflict, ErrTombstoned, ErrIDReused, ErrPartialRepeat,
	// ErrInvalid, ErrTooLarge, ErrNoSpace, ErrNotLeader, ErrUnavailable (nothing
	// was done), ErrUnknown (it may have been done: repeat it with the same ids).
	// Where ctx ends, its own error says that nothing was done.
	Append(ctx context.Context, writes ...Write) (Appended, error)

	// Read yields the events that the query selects, in order. The first error
	// ends it. Memory does not grow with the result.
	Read(ctx context.Context, q Query) iter.Seq2[Event, error]

	// Stream describes a stream as of a point (zero: now). A stream that is
	// deleted or tombstoned is described, not refused; one that was never
	// written is ErrNotFound.
	Stream(ctx context.Context, name string, at Point) (StreamInfo, error)

	// Streams yields the streams that the query selects, sorted by name.
	Streams(ctx context.Context, q StreamQuery) iter.Seq2[StreamInfo, error]

	// Change changes a stream as a whole and returns the position of the event
	// that records the change. Durable like Append, and its errors say likewise
	// what was done.
	Change(ctx context.Context, stream string, expect Expectation, change Life) (Position, error)

	// Head returns the last position that readers may see and its time, zero
	// for an empty store.
	Head(ctx context.Context, c Consistency) (Position, time.Time, error)
}

// Write is one stream's part of an append.
type Write struct {
	Stream string
	Expect Expectation
	Drafts []Draft // none: only a condition
}

// To is a write of drafts to a stream.
func To(stream string, expect Expectation, drafts ...Draft) Write {
	return Write{Stream: stream, Expect: expect, Drafts: drafts}
}

// Check is a condition on a stream that is not written.
func Check(stream string, expect Expectation) Write {
	return Write{Stream: stream, Expect: expect}
}

// Appended is the answer to an append.
type Appended struct {
	Writes   []Written // one for each write with drafts, in the order given
	Position Position  // of the last event; for a bare condition, the head when it was judged
	Time     time.Time // recorded; zero for a bare condition
	Repeated bool      // an earlier append had done it; the answer is that one's
}

// Written is one stream's part of the answer to an append.
type Written struct {
	Stream        string
	FirstRevision Revision
	LastRevision  Revision
	FirstPosition Position
	LastPosition  Position
	IDs           []ID
}
