package firn

import (
	"context"
	"time"
)

// MergeFold is the name of the fold that every store has: each event's data is
// merged into the state, as a JSON Merge Patch (RFC 7396).
const MergeFold = "merge"

// StateQuery asks for the state of a stream as a fold sees it.
//
// The fold is one that is declared in the store, or MergeFold. Where none is
// named, it is the one declared fold of the stream's category, or where there is
// none, MergeFold; where there are several, ErrInvalid names them. Folds and
// upcasters are those of today, whatever past is asked for: the past is told in
// today's words.
type StateQuery struct {
	Stream string
	Fold   string // "": see above
	At     Point  // zero: now; start: before the first event

	Consistency Consistency
}

// StreamState is a fold's state of a stream in a past.
type StreamState struct {
	Stream string
	Fold   string
	State  []byte // JSON

	// Of the last event that is in the state. Where there is none, Empty is set:
	// the state is the fold's initial one.
	Revision Revision
	Position Position
	Time     time.Time
	Empty    bool

	Begun   Revision // with which the stream began, or began again after it was deleted
	Past    Position // that was looked at: nothing behind it is in the state
	Open    bool     // asked as of a moment that later events may still fall into
	Partial bool     // the beginning of the stream is hidden, and nothing of it is in the state
}

// DiffQuery asks what changed between two points of a stream's past. Either may
// be the later one.
type DiffQuery struct {
	Stream   string
	Fold     string // as in StateQuery
	From, To Point

	Consistency Consistency
}

// StateDiff is what changed between two states. Patch turns From's into To's.
type StateDiff struct {
	From, To StreamState // without the states themselves
	Patch    []PatchOperation
}

// PatchOperation is one operation of a JSON Patch (RFC 6902).
type PatchOperation struct {
	Op   string // "add", "remove" or "replace"
	Path string // JSON Pointer (RFC 6901)
	Was  []byte // the value before; nil for add
	Is   []byte // the value after; nil for remove
}

// BlameQuery asks which events gave the fields of a state their values.
type BlameQuery struct {
	StateQuery
	Path string // only this field, or those in it, as a JSON Pointer; "": all
}

// Blame says of each field of a state which event changed it last.
type Blame struct {
	State  StreamState // without the state itself
	Fields []BlamedField
}

// BlamedField is a field of a state, and the event that gave it its value. A
// field is what is no object and no array, or is empty.
type BlamedField struct {
	Path  string // JSON Pointer
	Value []byte
	Event *EventInfo // nil: no visible event; it is as it was initially, or as hidden events have left it
}

// EventInfo is what a report says of an event.
type EventInfo struct {
	Revision Revision
	Position Position
	Time     time.Time
	ID       ID
	Type     string
	Actor    string // the member "actor" of its metadata where that is a text, else the user that the store has authenticated
}

// BisectQuery asks for the first event after which a condition on the state
// holds.
type BisectQuery struct {
	StateQuery
	Where string // a jq expression: `.` is the state, $event the event that it is the state after
	Scan  bool   // look at every event instead of halving
}

// Bisected is the answer of a search for the event after which a condition
// holds.
type Bisected struct {
	State StreamState // that was searched back from, without the state itself

	Found    bool
	Event    *EventInfo // the first event after which the condition holds
	HasState []byte     // the state after it
	Had      []byte     // the state before it, where AtStart is not set

	AtStart bool // it holds after the first visible event already; that one is Event
	AtEnd   bool // it holds after the last event

	// Changes is how often the condition came to hold or ceased to, as far as was
	// seen. Where it is more than once, and Exact is not set, an earlier event may
	// have been the first: only a scan knows.
	Changes int
	Exact   bool // every event was looked at
	Loads   int  // states that were loaded
}

// Doubtful reports whether the search saw that the condition changes more than
// once, so that its answer may not be the first. Whoever shows it should propose
// a scan.
func (b *Bisected) Doubtful() bool { return !b.Exact && !b.AtStart && b.Changes > 1 }

// History is what a store offers beside [Store] that looks into the past of its
// streams. What is asked for is computed beside the data, from snapshots; a
// moment is resolved to a position once, so one answer is of one past.
//
// Errors are those of [Store.Read] of the stream; ErrNotFound where there is no
// such fold; ErrProgram where a fold or a condition fails, with the event at
// which it does; ErrTooLarge where an answer is; ErrBeforeStore; ErrInvalid for a
// moment that is yet to come.
type History interface {
	State(ctx context.Context, q StateQuery) (StreamState, error)
	Diff(ctx context.Context, q DiffQuery) (StateDiff, error)
	Blame(ctx context.Context, q BlameQuery) (Blame, error)
	Bisect(ctx context.Context, q BisectQuery) (Bisected, error)
}

// Check says what is wrong with the query by itself, or nil.
func (q *StateQuery) Check() error {
	if err := CheckStreamName(q.Stream); err != nil {
		return err
	}
	if q.Fold != "" {
		return CheckFoldName(q.Fold)
	}
	return nil
}
