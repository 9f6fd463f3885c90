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

	// Subscribe yields the events that the query selects, from its From on, and
	// goes on with those that are appended, until ctx ends, the caller leaves
	// the iteration, or an error ends it. Between them come marks. It promises:
	//
	//  1. Order: events and life marks come in order of position.
	//  2. Once: no event comes twice.
	//  3. No gap: every event that is visible when it is looked at comes.
	//  4. No append is torn: a mark's At is always the end of an append.
	//  5. Resumption: a subscription from the position behind any mark's At, or
	//     behind any event that ends its append, with the mark's History, goes
	//     on without gap or repetition.
	//  6. Caught up: a [CaughtUp] mark comes once everything up to its At was
	//     sent. The first one covers everything that was committed anywhere in
	//     the cluster when the subscription was opened, unless the consistency
	//     asked for less.
	//
	// A subscription that follows few events of many is told with [Checkpoint]
	// marks how far it has come. What happens to the streams that it follows as
	// a whole comes as [LifeMark] marks, whatever types are asked for; where
	// q.System selects the streams that record it, it comes as their events. A stream
	// that does not exist yet, or is deleted, is waited for. A From that is yet
	// to come is waited for, too. After a lost connection or a long absence
	// further CaughtUp marks may come.
	//
	// A consumer who is slow costs nobody anything, and nothing is dropped.
	//
	// Errors: ErrInvalid (see [Query.CheckSubscribe]), ErrOtherHistory where
	// q.History is set and is not the store's, ErrTombstoned where the one
	// stream that is followed is or becomes so, ErrUnavailable.
	Subscribe(ctx context.Context, q Query) iter.Seq2[Message, error]

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
