package firn

import "fmt"

// Kind says what sort of error it is. Kinds travel over the wire and come back
// as the same value; errors.Is(err, firn.ErrConflict) is true in process and over
// the wire.
type Kind uint8

// The kinds of errors. The numbers are part of the protocol: the list only
// grows at its end.
const (
	ErrInternal        Kind = 1  // Firn is at fault
	ErrInvalid         Kind = 2  // the call itself is wrong
	ErrTooLarge        Kind = 3  // over a limit; the message names it
	ErrConflict        Kind = 4  // an expectation was not met; see ConflictError
	ErrTombstoned      Kind = 5  // the stream's name is out of use for good
	ErrIDReused        Kind = 6  // the same id with other content is already stored
	ErrPartialRepeat   Kind = 7  // only a part of the append is already stored
	ErrNotFound        Kind = 8  // the stream was never written; what is named does not exist
	ErrDeleted         Kind = 9  // the stream is deleted
	ErrUnavailable     Kind = 10 // nothing was done; another node, or a later try, may answer
	ErrNotLeader       Kind = 11 // nothing was done; Leader has the address to ask, where known
	ErrNoSpace         Kind = 12 // nothing was done; the disk is too full
	ErrUnknown         Kind = 13 // it may have been done; repeat it with the same ids
	ErrDamaged         Kind = 14 // stored bytes are not what was written
	ErrUnauthenticated Kind = 15
	ErrForbidden       Kind = 16
	ErrOtherHistory    Kind = 17 // the position belongs to another history of the store
	ErrUnsupported     Kind = 18 // this node, or the cluster's version, does not know it
	ErrBusy            Kind = 19 // nothing was done; a limit on work in flight is reached
	ErrBeforeStore     Kind = 20 // the moment asked about is before the first event
	ErrAlreadyExists   Kind = 21
	ErrTimeout         Kind = 22 // the caller's time ran out before the call left; nothing was done
	ErrStale           Kind = 23 // the delivery is no longer this consumer's: settled, its lease over, or given to another
	ErrProgram         Kind = 24 // a fold, an upcaster or a condition failed on what it was given
)

var kindNames = [...]string{
	ErrInternal: "internal", ErrInvalid: "invalid", ErrTooLarge: "too-large", ErrConflict: "conflict",
	ErrTombstoned: "tombstoned", ErrIDReused: "id-reused", ErrPartialRepeat: "partial-repeat",
	ErrNotFound: "not-found", ErrDeleted: "deleted", ErrUnavailable: "unavailable",
	ErrNotLeader: "not-leader", ErrNoSpace: "no-space", ErrUnknown: "unknown", ErrDamaged: "damaged",
	ErrUnauthenticated: "unauthenticated", ErrForbidden: "forbidden", ErrOtherHistory: "other-history",
	ErrUnsupported: "unsupported", ErrBusy: "busy", ErrBeforeStore: "before-store",
	ErrAlreadyExists: "already-exists", ErrTimeout: "timeout", ErrStale: "stale",
	ErrProgram: "program",
}

// Kinds returns every kind, in order of number.
func Kinds() []Kind {
	var all []Kind
	for k := ErrInternal; int(k) < len(kindNames); k++ {
		all = append(all, k)
	}
	return all
}

// String returns the kind's name as it stands in JSON.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

// Error makes a kind usable as the target of errors.Is.
func (k Kind) Error() string { return k.String() }

// Retry says whether repeating a failed call is safe and sensible.
type Retry uint8

// The answers to "may I repeat it?".
const (
	RetryNo      Retry = 1 // the same call will fail again
	RetrySafe    Retry = 2 // nothing was done
	RetrySameIDs Retry = 3 // it may have been done; the same ids make it safe
)

func (r Retry) String() string {
	switch r {
	case RetrySafe:
		return "safe"
	case RetrySameIDs:
		return "same-ids"
	}
	return "no"
}

// Error is every error that a [Store] returns, apart from a context's own. All
// of it travels over the wire.
type Error struct {
	Kind    Kind
	Message string

	Stream    string         // the stream concerned, where there is one
	Conflict  *ConflictError // where Kind is ErrConflict
	Leader    string         // ErrNotLeader: client address to ask; "": none is known
	Positions []Position     // ErrIDReused: where the id is stored; ErrTombstoned, ErrDeleted: since when; ErrProgram: of the event
	IDs       []ID           // ErrUnknown, ErrIDReused, ErrPartialRepeat: the ids concerned
}

// Errorf returns an *Error of a kind.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Error returns the message: what was wrong, with the values, and what to do.
func (e *Error) Error() string { return e.Message }

// Is reports whether target is the error's kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// Unwrap gives errors.As the *ConflictError.
func (e *Error) Unwrap() error {
	if e.Conflict != nil {
		return e.Conflict
	}
	return nil
}

// Retry says whether repeating the call is safe and sensible.
func (e *Error) Retry() Retry {
	switch e.Kind {
	case ErrUnavailable, ErrNotLeader, ErrNoSpace, ErrBusy, ErrTimeout:
		return RetrySafe
	case ErrUnknown:
		return RetrySameIDs
	}
	return RetryNo
}

// ConflictError is an expectation that was not met.
type ConflictError struct {
	Stream   string
	Expected Expectation
	Actual   Expectation // None, or At the stream's last revision
	Deleted  bool        // the stream is deleted; Actual is its last revision
}

func (c *ConflictError) Error() string {
	actual := "there is no such stream"
	if r, ok := c.Actual.Exact(); ok {
		actual = fmt.Sprintf("it is at revision %d", r)
		if c.Deleted {
			actual = fmt.Sprintf("it was deleted at revision %d", r)
		}
	}
	return fmt.Sprintf("stream %q: expected %s, but %s", c.Stream, c.Expected.words(), actual)
}

// Err returns the conflict as an *Error.
func (c *ConflictError) Err() *Error {
	return &Error{Kind: ErrConflict, Message: c.Error(), Stream: c.Stream, Conflict: c}
}
