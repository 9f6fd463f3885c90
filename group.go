package firn

import (
	"context"
	"iter"
	"time"
)

// Group is a subscription that consumers share, its progress kept by the
// cluster. Zero durations and numbers mean the default.
type Group struct {
	Name string

	// What it follows: exactly one of Stream, Category and All. It cannot be
	// changed once the group exists.
	Stream         string
	Category       string
	All            bool
	Types          []string // as in [Query]
	TypePrefixes   []string
	StreamPrefixes []string
	From           Point // where it begins; zero: start

	Unordered   bool          // do not hold a stream's next event back until the one before is settled
	OnPark      OnPark        // what a parked event does to those behind it in its stream
	MaxAttempts uint32        // deliveries of an event before it is parked; default 10
	Lease       time.Duration // how long a consumer may take for a delivery; default 30 s
	InFlight    uint32        // deliveries that one consumer may hold; default 256
	RetryMin    time.Duration // before the second attempt; doubles with each further one; default 1 s
	RetryMax    time.Duration // default 5 min
}

// OnPark says what a parked event does to its stream in an ordered group.
type OnPark uint8

// The answers, as written to disk and wire.
const (
	ParkStops     OnPark = 0 // the events behind it wait, until it is replayed or dropped
	ParkContinues OnPark = 1 // the events behind it are delivered
)

// Delivery is an event handed to a consumer, until its lease ends.
type Delivery struct {
	Event   Event
	Token   Token
	Attempt uint32 // from 1
	Replay  bool   // the event was parked or passed before
}

// Token names one delivery. It is void once the delivery was settled, its lease
// has ended or the consumer is gone: a late answer then changes nothing.
type Token struct {
	Epoch  uint64 // of the leadership that delivered
	Number uint64
}

// Outcome is a consumer's answer to a delivery.
type Outcome uint8

// The outcomes, as written to the wire.
const (
	Ack        Outcome = 1 // done
	RetryLater Outcome = 2 // deliver it again, after a delay
	Park       Outcome = 3 // set it aside for a person to look at
	Skip       Outcome = 4 // not wanted; go on

	// GiveBack is for deliveries that were not begun, by a consumer that is about
	// to close: they go to others as though they had not been handed out, and
	// this consumer is handed nothing more.
	GiveBack Outcome = 5
)

// Settlement answers a delivery.
type Settlement struct {
	Token   Token
	Outcome Outcome
	Delay   time.Duration // RetryLater: zero means the group's backoff
	Reason  string        // RetryLater, Park: kept with the event and shown to those who list what is parked
}

// Consumer is one consumer of a group. Deliveries is for one goroutine, Settle
// for any number of them.
type Consumer interface {
	// Deliveries yields events as they become due, at most as many unsettled at
	// a time as the group's InFlight allows. It ends with the first error, or
	// when the consumer is closed.
	Deliveries(ctx context.Context) iter.Seq2[Delivery, error]

	// Settle answers deliveries. When it returns nil, every answer is kept by a
	// majority. Where tokens were void it returns an ErrStale with their number;
	// the other answers count all the same. Otherwise an error means that the
	// answers may not have counted: the events are then delivered again.
	Settle(ctx context.Context, answers ...Settlement) error

	// Close gives back what is not settled; it is delivered to others at once.
	Close() error
}

// Stale returns the error of a Settle of which so many of the tokens were void.
func Stale(void, of int) *Error {
	return Errorf(ErrStale, "%d of %d answers came too late and changed nothing: the delivery was settled, its lease had ended, or it was given to another consumer", void, of)
}

// GroupInfo tells where a group stands.
type GroupInfo struct {
	Group     Group
	Passed    Position // every matching event up to here is acknowledged, skipped or parked
	Head      Position // of the store, when Passed was read
	Lag       uint64   // matching events after Passed that are not settled; an estimate where Exact is false
	LagExact  bool
	LagTime   time.Duration // age of the oldest matching event that is not settled
	InFlight  uint64        // delivered, not yet settled
	Retrying  uint64        // waiting for a further attempt
	Parked    uint64        // events set aside
	Waiting   uint64        // streams held up by a parked event
	Consumers uint32
	Delivered float64 // events a second, of the last minute
	Settled   float64
}

// ParkedEvent is an event that was set aside.
type ParkedEvent struct {
	Stream   string
	Revision Revision
	Position Position
	ID       ID
	Type     string
	Attempts uint32
	Reason   string
	Time     time.Time // when it was parked
	Behind   uint64    // matching events of the stream that wait behind it
}

// ParkedSelection selects parked events of a group: exactly one field is set.
type ParkedSelection struct {
	Stream string
	ID     ID
	All    bool
}

// Rewound tells what rewinding a group does, or would do.
type Rewound struct {
	From, To    Position // the group's Passed before and after
	Redelivered uint64   // matching events that are delivered again
}

// Groups is what a store offers beside [Store] that keeps consumer groups.
// Definitions and answers are durable, at a majority, when a call returns nil.
type Groups interface {
	CreateGroup(ctx context.Context, g Group) (Position, error)            // ErrAlreadyExists
	UpdateGroup(ctx context.Context, g Group) (Position, error)            // ErrNotFound; ErrInvalid where it would follow something else
	DeleteGroup(ctx context.Context, name string) (Position, error)        // ErrNotFound
	Groups(ctx context.Context) ([]Group, error)                           // by name
	GroupInfo(ctx context.Context, name string) (GroupInfo, error)         // ErrNotFound
	Parked(ctx context.Context, name string) iter.Seq2[ParkedEvent, error] // by position

	// Consume joins a group. The consumer holds at most inFlight deliveries that
	// are not settled, and no more than the group's InFlight, which 0 asks for.
	// Leases run also while a delivery waits for its turn: take no more than can
	// be handled in time. ErrNotFound.
	Consume(ctx context.Context, name string, inFlight uint32) (Consumer, error)

	// Replay delivers parked events again, and those that wait behind them, in
	// order. Drop gives parked events up and goes on behind them. Both return
	// how many parked events that were.
	Replay(ctx context.Context, name string, which ParkedSelection) (uint64, error)
	Drop(ctx context.Context, name string, which ParkedSelection) (uint64, error)

	// Rewind makes the group begin again behind a point: a position, a moment,
	// start or end. A dry run only tells what that would redeliver.
	Rewind(ctx context.Context, name string, to Point, dryRun bool) (Rewound, error)

	// WaitGroup returns once the group has passed a position: every matching
	// event up to it is acknowledged, skipped or parked. It says how many are
	// parked.
	WaitGroup(ctx context.Context, name string, p Position) (parked uint64, err error)
}
