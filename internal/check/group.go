package check

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/firndb/firn"
)

// Group is the history of a consumer group. Its methods may be called from many
// goroutines at once; Check comes after all of them.
type Group struct {
	settings firn.Group // with the defaults filled in
	after    firn.Position

	mu    sync.Mutex
	steps []step
	calls uint64
	out   io.Writer // nil: steps are kept here
}

// NewGroup returns the history of a group that begins behind a position. Its
// settings are as the store has them, see firn.GroupInfo.
func NewGroup(settings firn.Group, after firn.Position) *Group {
	return &Group{settings: settings, after: after}
}

// step is one thing that somebody saw or did. Its place in the history is when:
// a step that ended before another began stands before it.
type step struct {
	Is   stepKind
	Call uint64 `json:",omitempty"` // which call has ended

	// Of a delivery and its answers.
	Event   *firn.Event   `json:",omitempty"`
	Token   firn.Token    `json:",omitzero"`
	Attempt uint32        `json:",omitempty"`
	Replay  bool          `json:",omitempty"`
	Outcome firn.Outcome  `json:",omitempty"`
	Reason  string        `json:",omitempty"`
	Fate    fate          `json:",omitempty"`
	Which   firn.Position `json:",omitempty"` // replays, drops: of which event; waits: for which position
	Stream  string        `json:",omitempty"` // replays, drops: of which stream
}

type stepKind string

const (
	delivered stepKind = "delivered"
	answering stepKind = "answering"
	answered  stepKind = "answered"
	replaying stepKind = "replaying"
	dropping  stepKind = "dropping"
	rewinding stepKind = "rewinding"
	waiting   stepKind = "waiting"
	ended     stepKind = "ended" // of the four before
)

// everything is no position: all that is parked.
const everything = firn.Position(0)

// fate is what became of an answer.
type fate string

const (
	unknown fate = ""     // it may have counted
	kept    fate = "kept" // for certain
	void    fate = "void" // for certain it has not
)

// KeepIn makes the history write each step to w, on a line of its own, in one
// write, and keep none: histories of several processes meet in a file that each
// has opened for appending. See [Group.TakeIn].
func (g *Group) KeepIn(w io.Writer) { g.out, g.calls = w, uint64(os.Getpid())<<32 }

// TakeIn takes in what others have written. A line that is not whole is passed
// over: whoever wrote it has died before acting on it, or without telling what
// came of it, which is then not known.
func (g *Group) TakeIn(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s step
		if json.Unmarshal(lines.Bytes(), &s) == nil {
			g.note(s)
		}
	}
	return lines.Err()
}

func (g *Group) note(s step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.out == nil {
		g.steps = append(g.steps, s)
		return
	}
	line, err := json.Marshal(&s)
	if err == nil { // what comes before may not be whole
		_, err = g.out.Write(append(append([]byte{'\n'}, line...), '\n'))
	}
	if err != nil {
		panic(err) // what follows must not be done without being written down
	}
}

func (g *Group) call() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls++
	return g.calls
}

// Delivered is told of each delivery before anybody acts on it.
func (g *Group) Delivered(d firn.Delivery) {
	g.note(step{Is: delivered, Event: &d.Event, Token: d.Token, Attempt: d.Attempt, Replay: d.Replay})
}

// Answering is told of answers before they are sent. The function returned is
// told what came of it.
func (g *Group) Answering(answers []firn.Settlement) func(error) {
	calls := make([]uint64, len(answers))
	for i, a := range answers {
		calls[i] = g.call()
		g.note(step{Is: answering, Call: calls[i], Token: a.Token, Outcome: a.Outcome, Reason: a.Reason})
	}
	return func(err error) {
		f := unknown
		switch {
		case err == nil:
			f = kept
		case errors.Is(err, firn.ErrStale) && len(answers) == 1:
			f = void
		}
		for i := range answers {
			g.note(step{Is: answered, Call: calls[i], Fate: f})
		}
	}
}

// during writes down something that begins and ends.
func (g *Group) during(s step, do func() error) error {
	s.Call = g.call()
	g.note(s)
	err := do()
	f := kept
	if err != nil {
		f = unknown
	}
	g.note(step{Is: ended, Call: s.Call, Fate: f})
	return err
}

// Watch returns a store whose consumers, replays, drops, rewinds and waits of
// this group are written down.
func (g *Group) Watch(store firn.Groups) firn.Groups { return watched{store, g} }

type groups = firn.Groups // an embedded Groups would hide its method of that name

type watched struct {
	groups
	history *Group
}

func (w watched) mine(name string) bool { return name == w.history.settings.Name }

func (w watched) Consume(ctx context.Context, name string, inFlight uint32) (firn.Consumer, error) {
	c, err := w.groups.Consume(ctx, name, inFlight)
	if err != nil || !w.mine(name) {
		return c, err
	}
	return watchedConsumer{c, w.history}, nil
}

func (w watched) Replay(ctx context.Context, name string, which firn.ParkedSelection) (n uint64, err error) {
	return w.unpark(ctx, name, which, replaying, w.groups.Replay)
}

func (w watched) Drop(ctx context.Context, name string, which firn.ParkedSelection) (n uint64, err error) {
	return w.unpark(ctx, name, which, dropping, w.groups.Drop)
}

func (w watched) unpark(ctx context.Context, name string, which firn.ParkedSelection, is stepKind, do func(context.Context, string, firn.ParkedSelection) (uint64, error)) (n uint64, err error) {
	if !w.mine(name) {
		return do(ctx, name, which)
	}
	s := step{Is: is, Stream: which.Stream}
	if !which.ID.IsZero() {
		if s.Which, err = w.positionOf(ctx, name, which.ID); err != nil {
			return 0, err
		}
	}
	err = w.history.during(s, func() error { n, err = do(ctx, name, which); return err })
	return n, err
}

// positionOf finds a parked event.
func (w watched) positionOf(ctx context.Context, name string, id firn.ID) (firn.Position, error) {
	for p, err := range w.groups.Parked(ctx, name) {
		if err != nil || p.ID == id {
			return p.Position, err
		}
	}
	return everything, nil
}

func (w watched) Rewind(ctx context.Context, name string, to firn.Point, dryRun bool) (r firn.Rewound, err error) {
	if dryRun || !w.mine(name) {
		return w.groups.Rewind(ctx, name, to, dryRun)
	}
	err = w.history.during(step{Is: rewinding}, func() error { r, err = w.groups.Rewind(ctx, name, to, dryRun); return err })
	return r, err
}

func (w watched) WaitGroup(ctx context.Context, name string, p firn.Position) (parked uint64, err error) {
	if !w.mine(name) {
		return w.groups.WaitGroup(ctx, name, p)
	}
	err = w.history.during(step{Is: waiting, Which: p}, func() error { parked, err = w.groups.WaitGroup(ctx, name, p); return err })
	return parked, err
}
