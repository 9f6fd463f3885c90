package group_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/group"
)

// ledger is the dumb model that a group is compared with: of each event, what
// is known to have become of it. It is told what happened, and says what of it
// should not have.
type ledger struct {
	ordered, continues bool
	maxAttempts        uint32
	events             map[firn.Position]*entry
	streams            map[string][]*entry
	faults             []string
	story              []string // what it was told, to be read where something is wrong
}

// entry is one event.
type entry struct {
	stream   string
	revision int
	position firn.Position

	settled  bool   // acknowledged, skipped or dropped for certain
	maybe    bool   // what became of the last answer is not known
	perhaps  bool   // and it was one that would have settled it
	parked   bool   // for certain
	attempts uint32 // failed ones, for certain
	out      bool   // a delivery is out whose lease runs
	replay   bool
}

func newLedger(g *firn.Group) *ledger {
	return &ledger{
		ordered: !g.Unordered, continues: g.OnPark == firn.ParkContinues, maxAttempts: g.MaxAttempts,
		events: map[firn.Position]*entry{}, streams: map[string][]*entry{},
	}
}

func (l *ledger) tell(text string, args ...any) {
	l.story = append(l.story, fmt.Sprintf(text, args...))
}

func (l *ledger) fault(text string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(text, args...))
}

func (l *ledger) appended(stream string, first firn.Position, n int) {
	for i := range n {
		e := &entry{stream: stream, revision: len(l.streams[stream]), position: first + firn.Position(i)}
		l.streams[stream] = append(l.streams[stream], e)
		l.events[e.position] = e
	}
}

// delivered is told of each delivery.
func (l *ledger) delivered(d *group.Delivery) {
	l.tell("delivered %s/%d @%d attempt %d replay %t", d.Stream, l.events[d.Position].revision, d.Position, d.Attempt, d.Replay)
	e := l.events[d.Position]
	switch {
	case e == nil:
		l.fault("@%d was delivered; there is no such event", d.Position)
		return
	case e.settled:
		l.fault("@%d was delivered, and had been settled", e.position)
	case e.out:
		l.fault("@%d was delivered while a delivery of it was out", e.position)
	case e.parked && !e.maybe:
		l.fault("@%d was delivered while it was parked", e.position)
	case d.Attempt != e.attempts+1 && !e.maybe:
		l.fault("@%d was delivered as attempt %d; %d have failed", e.position, d.Attempt, e.attempts)
	case e.replay && !d.Replay:
		l.fault("@%d was delivered again after it had been parked, and does not say so", e.position)
	}
	if l.ordered {
		for _, before := range l.streams[e.stream][:e.revision] {
			if !before.settled && !before.maybe && !(l.continues && (before.parked || before.replay)) {
				l.fault("@%d of %s was delivered before @%d was settled", e.position, e.stream, before.position)
			}
		}
	}
	e.out, e.maybe, e.perhaps, e.parked = true, false, false, false
	e.attempts, e.replay = d.Attempt-1, d.Replay
}

// answered is told what a delivery was answered, and whether that is known to
// have counted.
func (l *ledger) answered(p firn.Position, outcome firn.Outcome, known bool) {
	l.tell("answered @%d %d, known %t", p, outcome, known)
	e := l.events[p]
	e.out = false
	if !known {
		e.maybe, e.perhaps = true, outcome == firn.Ack || outcome == firn.Skip
		return
	}
	switch outcome {
	case firn.Ack, firn.Skip:
		e.settled = true
	case firn.RetryLater:
		if e.attempts++; e.attempts >= l.maxAttempts {
			e.parked = true
		}
	case firn.Park:
		e.attempts++
		e.parked = true
	}
}

// failed is told that a delivery was not answered in time, or its consumer has
// gone. Whether it counts depends on what the leader gets done.
func (l *ledger) failed(p firn.Position) { l.answered(p, firn.RetryLater, true) }

// lost is told that the leader has gone: deliveries are void, and answers that
// were not known to count may have.
func (l *ledger) lost() {
	l.tell("what is out is void")
	for _, e := range l.events {
		e.out = false
	}
}

// listed is told what the group says is parked.
func (l *ledger) listed(parked []firn.Position) {
	for _, e := range l.sorted() {
		if listed := slices.Contains(parked, e.position); listed != e.parked && !e.maybe {
			l.fault("@%d is parked: %t, is listed: %t", e.position, e.parked, listed)
		} else if e.maybe && listed {
			e.maybe, e.perhaps, e.parked = false, false, true
		}
	}
}

// unparked is told that an event was replayed or dropped.
func (l *ledger) unparked(p firn.Position, drop bool) {
	l.tell("unparked @%d, dropped %t", p, drop)
	e := l.events[p]
	e.parked, e.settled, e.attempts, e.replay = false, drop, 0, true
}

// finished is told that the group has nothing left to deliver.
func (l *ledger) finished() {
	for _, e := range l.sorted() {
		if !e.settled && !e.parked && !e.perhaps && !l.behindParked(e) {
			l.fault("@%d of %s was lost: it is neither settled nor parked", e.position, e.stream)
		}
	}
}

func (l *ledger) behindParked(e *entry) bool {
	return l.ordered && !l.continues && slices.ContainsFunc(l.streams[e.stream][:e.revision], func(e *entry) bool { return e.parked })
}

func (l *ledger) sorted() []*entry {
	var all []*entry
	for _, p := range slices.Sorted(maps.Keys(l.events)) {
		all = append(all, l.events[p])
	}
	return all
}
