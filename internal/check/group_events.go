package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// The further promises, which [Group.Check] knows.
const (
	Lost     = "lost"
	Again    = "again"
	Attempts = "attempts"
	Stale    = "stale"
	Parked   = "parked"
	Wait     = "wait"
)

// event is what a history tells of one event that the group follows.
type event struct {
	*firn.Event
	before     *event // in its stream; nil: there is none that the group follows
	deliveries []*delivery
	unparked   []*operation // replays and drops that may have been of it
	listed     *firn.ParkedEvent
}

// delivery is one delivery, with its answers.
type delivery struct {
	token   firn.Token
	seen    int // when, by place in the history
	attempt uint32
	replay  bool
	answers []*answer
}

type answer struct {
	outcome firn.Outcome
	reason  string
	sent    int
	fate    fate
}

// operation is a replay, a drop, a rewind or a wait.
type operation struct {
	step
	began, over int // over: never where it is not known to have ended
	fate        fate
}

const never = math.MaxInt

// reading is a history, ordered by event.
type reading struct {
	*Group
	faults
	events  []*event // by position
	at      map[firn.Position]*event
	tokens  map[firn.Token]*delivery
	rewinds []*operation
	waits   []*operation
}

// read sorts the history. What does not fit the log is a fault.
func (g *Group) read(log []firn.Event, parked []firn.ParkedEvent) *reading {
	r := &reading{Group: g, at: map[firn.Position]*event{}, tokens: map[firn.Token]*delivery{}}
	last := map[string]*event{}
	for i := range log {
		if e := &log[i]; e.Position > g.after && g.follows(e) {
			known := &event{Event: e, before: last[e.Stream]}
			last[e.Stream], r.at[e.Position] = known, known
			r.events = append(r.events, known)
		}
	}
	for i := range parked {
		p := &parked[i]
		if e := r.at[p.Position]; e == nil || e.ID != p.ID {
			r.add(Content, "position %d, %s@%d, is listed as parked; the group does not follow such an event", p.Position, p.Stream, p.Revision)
		} else {
			e.listed = p
		}
	}
	r.sort()
	for _, e := range r.events {
		slices.SortFunc(e.deliveries, func(a, b *delivery) int { return compareTokens(a.token, b.token) })
	}
	return r
}

func (g *Group) follows(e *firn.Event) bool {
	s := &g.settings
	q := firn.Query{Stream: s.Stream, Category: s.Category, All: s.All, Types: s.Types, TypePrefixes: s.TypePrefixes, StreamPrefixes: s.StreamPrefixes}
	return wantsEvent(&q, e)
}

func compareTokens(a, b firn.Token) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Number, b.Number))
}

func (r *reading) sort() {
	answers, operations := map[uint64]*answer{}, map[uint64]*operation{}
	for at, s := range r.Group.steps {
		switch s.Is {
		case delivered:
			r.delivered(at, &s)
		case answering:
			a := &answer{outcome: s.Outcome, reason: s.Reason, sent: at}
			answers[s.Call] = a
			if d := r.tokens[s.Token]; d != nil {
				d.answers = append(d.answers, a)
			}
		case answered:
			if a := answers[s.Call]; a != nil {
				a.fate = s.Fate
			}
		case ended:
			operations[s.Call].over, operations[s.Call].fate = at, s.Fate
		default:
			o := &operation{step: s, began: at, over: never}
			operations[s.Call] = o
			r.operation(o)
		}
	}
}

func (r *reading) delivered(at int, s *step) {
	d := &delivery{token: s.Token, seen: at, attempt: s.Attempt, replay: s.Replay}
	e := r.at[s.Event.Position]
	switch {
	case e == nil:
		r.add(Content, "position %d, %s@%d, was delivered; the group does not follow such an event", s.Event.Position, s.Event.Stream, s.Event.Revision)
		return
	case r.tokens[d.token] != nil:
		r.add(Again, "%s came with the token %v, which another delivery had", e, d.token)
		return
	}
	if text := eventDiffers(s.Event, e.Event); text != "" {
		r.add(Content, "%s: %s", e, text)
	}
	r.tokens[d.token] = d
	e.deliveries = append(e.deliveries, d)
}

func (r *reading) operation(o *operation) {
	switch o.Is {
	case waiting:
		r.waits = append(r.waits, o)
	case rewinding:
		r.rewinds = append(r.rewinds, o)
	case replaying, dropping:
		for _, e := range r.events {
			if (o.Which == everything || o.Which == e.Position) && (o.Stream == "" || o.Stream == e.Stream) {
				e.unparked = append(e.unparked, o)
			}
		}
	}
}

func (e *event) String() string {
	return fmt.Sprintf("position %d, %s@%d,", e.Position, e.Stream, e.Revision)
}

func (d *delivery) String() string {
	return fmt.Sprintf("delivery %d/%d, attempt %d,", d.token.Epoch, d.token.Number, d.attempt)
}

// story tells what happened to an event, by place in the history.
func (e *event) story() string {
	var b strings.Builder
	for _, d := range e.deliveries {
		fmt.Fprintf(&b, "\n\t%d: %s", d.seen, d)
		for _, a := range d.answers {
			fmt.Fprintf(&b, " answered %d at %d (%s);", a.outcome, a.sent, cmp.Or(string(a.fate), "unknown"))
		}
	}
	for _, o := range e.unparked {
		fmt.Fprintf(&b, "\n\t%d: %s", o.began, o.Is)
	}
	return b.String()
}

// mayBe reports whether the delivery may have been answered so, by an answer
// that was sent before.
func (d *delivery) mayBe(before int, outcomes ...firn.Outcome) bool {
	return slices.ContainsFunc(d.answers, func(a *answer) bool {
		return a.fate != void && a.sent < before && slices.Contains(outcomes, a.outcome)
	})
}

// saysSettled reports whether an answer that was sent before says that the event
// is settled, whatever became of it.
func (d *delivery) saysSettled(before int) bool {
	return slices.ContainsFunc(d.answers, func(a *answer) bool {
		return a.sent < before && (a.outcome == firn.Ack || a.outcome == firn.Skip)
	})
}

// kept returns the answer that counted for certain, nil where there is none.
func (d *delivery) kept() *answer {
	i := slices.IndexFunc(d.answers, func(a *answer) bool { return a.fate == kept })
	if i < 0 {
		return nil
	}
	return d.answers[i]
}
