package firn

import "time"

// Message is one step of a subscription: an event, or a mark.
type Message struct {
	Event Event
	Mark  *Mark // nil: the message is the event
}

// Mark tells a subscriber what is not an event. Its position is always the end
// of an append, so that nobody who goes on behind it tears one.
type Mark struct {
	Kind    MarkKind
	At      Position
	History ID // the history of the store that At counts in

	// Set where Kind is LifeMark.
	Stream string // whose life changed
	Life   Life
	Time   time.Time
	Actor  string
}

// MarkKind says what a [Mark] tells.
type MarkKind uint8

// The kinds of marks, as written to the wire.
const (
	CaughtUp   MarkKind = 1 // everything up to At that was asked for has been sent, and that is all there was
	Checkpoint MarkKind = 2 // everything up to At that was asked for has been sent; more is to come
	LifeMark   MarkKind = 3 // the life of a stream that is followed changed at At
)

// String returns the kind's name as it stands in JSON.
func (k MarkKind) String() string {
	switch k {
	case CaughtUp:
		return "caught-up"
	case Checkpoint:
		return "checkpoint"
	case LifeMark:
		return "life"
	}
	return ""
}

// CheckSubscribe says what is wrong with the query of a subscription, or nil.
func (q *Query) CheckSubscribe() error {
	switch {
	case !q.Bound.IsZero():
		return Errorf(ErrInvalid, "a subscription has no bound (%v); to read the past up to a point, read", q.Bound)
	case q.Backwards:
		return Errorf(ErrInvalid, "a subscription goes forwards; to go backwards, read")
	case q.Limit > 0:
		return Errorf(ErrInvalid, "a subscription has no limit (%d); end it when you have enough", q.Limit)
	case q.ByID():
		return Errorf(ErrInvalid, "a subscription follows a stream, a category or everything, not an id; to find an id, read")
	}
	return q.Check()
}
