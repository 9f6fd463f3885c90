package check

import (
	"bytes"
	"errors"
	"sync"

	"github.com/firndb/firn"
)

// The promises that [Ledger.Check] knows, beside Once, Torn and Content.
const (
	Acknowledged = "acknowledged"
	Refused      = "refused"
	Unasked      = "unasked"
	Gapless      = "gapless"
	Winner       = "winner"
	Time         = "time"
)

// Ledger holds what clients asked to be appended and what they were told, and
// holds a log against it. Many goroutines may write it.
type Ledger struct {
	mu      sync.Mutex
	entries []entry
	counts  map[Outcome]int
}

// Outcome is what a client knows of an append.
type Outcome int

// The outcomes.
const (
	Done    Outcome = iota // acknowledged: it is there once, for good
	NotDone                // refused: it is not there and never will be
	Unknown                // it is there once, or not at all
)

type entry struct {
	writes  []firn.Write // every draft has its id
	outcome Outcome
	told    firn.Appended // where it is Done
	err     error
}

// OutcomeOf says what the error of an append means.
func OutcomeOf(err error) Outcome {
	var e *firn.Error
	switch {
	case err == nil:
		return Done
	case errors.As(err, &e) && e.Kind != firn.ErrUnknown && e.Kind != firn.ErrInternal:
		return NotDone
	}
	return Unknown
}

// Settles reports whether the answer to a repetition, with the same ids, of an
// append whose outcome is unknown says what became of it. That a node could not
// be reached, or did not lead, says nothing of the first attempt. What the same
// call would be refused again shows that it was not done: a log that has the
// repetition behind it can no longer come to the first attempt.
func Settles(err error) bool {
	var e *firn.Error
	return err == nil || errors.As(err, &e) && e.Kind != firn.ErrInternal && e.Retry() == firn.RetryNo
}

// Add enters an append, once nobody will repeat it any more.
func (l *Ledger) Add(writes []firn.Write, told firn.Appended, err error) Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := OutcomeOf(err)
	l.entries = append(l.entries, entry{writes, o, told, err})
	if l.counts == nil {
		l.counts = make(map[Outcome]int)
	}
	l.counts[o]++
	return o
}

// Count returns how many appends had this outcome.
func (l *Ledger) Count(o Outcome) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[o]
}

// place is where an event is, or is said to be.
type place struct {
	stream   string
	revision firn.Revision
	position firn.Position
}

// Check holds a log, all of it in order of position, against the ledger. Nil
// means: every acknowledged event is there once, where its client was told, in
// one piece with the rest of its append; nothing is there that was refused, or
// that nobody asked for; and positions and revisions have no gap. Events of
// system streams count for positions only.
func (l *Ledger) Check(log []firn.Event) error {
	var faults faults
	held := wellFormed(log, &faults)
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := make(map[firn.ID]bool)
	for i := range l.entries {
		l.entries[i].check(log, held, asked, &faults)
	}
	for id, at := range held {
		if !asked[id] {
			faults.add(Unasked, "position %d holds event %s of %s, which nobody has appended", at, id, log[at-1].Stream)
		}
	}
	return faults.err()
}

// wellFormed checks what must hold for every log, and returns where each event
// is.
func wellFormed(log []firn.Event, faults *faults) map[firn.ID]firn.Position {
	held, next := make(map[firn.ID]firn.Position), make(map[string]firn.Revision)
	for i := range log {
		e := &log[i]
		if e.Position != firn.Position(i+1) {
			faults.add(Gapless, "position %d comes where %d should", e.Position, i+1)
			return held
		}
		if e.Revision != next[e.Stream] {
			faults.add(Gapless, "position %d: %s has revision %d where %d should be", e.Position, e.Stream, e.Revision, next[e.Stream])
		}
		next[e.Stream] = e.Revision + 1
		if i > 0 && e.Time.Before(log[i-1].Time) {
			faults.add(Time, "position %d is of %s, the one before of %s", e.Position, e.Time, log[i-1].Time)
		}
		if e.Stream[0] == '$' {
			continue
		}
		if first, twice := held[e.ID]; twice {
			faults.add(Once, "event %s is at position %d and again at %d", e.ID, first, e.Position)
		}
		held[e.ID] = e.Position
	}
	return held
}

// check holds one append against the log.
func (n *entry) check(log []firn.Event, held map[firn.ID]firn.Position, asked map[firn.ID]bool, faults *faults) {
	told := n.promised()
	there, all := 0, 0
	for _, w := range n.writes {
		for i := range w.Drafts {
			d := &w.Drafts[i]
			all++
			asked[d.ID] = true
			at, ok := held[d.ID]
			if want, promised := told[d.ID]; promised && (!ok || want != placeOf(&log[at-1])) {
				faults.add(Acknowledged, "event %s was acknowledged as %+v, and is at position %d", d.ID, want, at)
			}
			if !ok {
				continue
			}
			there++
			e := &log[at-1]
			if e.Stream != w.Stream || e.Type != d.Type || !bytes.Equal(e.Data, d.Data) {
				faults.add(Content, "event %s of %s is stored as %s of %s with %d bytes instead of %d", d.ID, w.Stream, e.Type, e.Stream, len(e.Data), len(d.Data))
			}
			if before, exact := w.Expect.Exact(); exact && e.Revision != before+1+firn.Revision(i) {
				faults.add(Winner, "event %s was appended to %s at revision %d and has revision %d", d.ID, w.Stream, before, e.Revision)
			}
			if int(e.Index) != all-1 || e.Index > 0 && log[at-2].ID != n.before(all-1) {
				faults.add(Torn, "event %s at position %d is torn from its append", d.ID, at)
			}
		}
	}
	switch {
	case n.outcome == NotDone && there > 0:
		faults.add(Refused, "%d events are there of an append that was refused: %v", there, n.err)
	case there != 0 && there != all:
		faults.add(Torn, "%d of %d events are there of one append, whose answer was %v", there, all, n.err)
	}
}

// promised is where the answer said that each event is.
func (n *entry) promised() map[firn.ID]place {
	told := make(map[firn.ID]place)
	for _, w := range n.told.Writes {
		for i, id := range w.IDs {
			told[id] = place{w.Stream, w.FirstRevision + firn.Revision(i), w.FirstPosition + firn.Position(i)}
		}
	}
	return told
}

// before returns the id of the draft before the one at i, over all writes.
func (n *entry) before(i int) firn.ID {
	for _, w := range n.writes {
		if i <= len(w.Drafts) {
			return w.Drafts[i-1].ID
		}
		i -= len(w.Drafts)
	}
	return firn.ID{}
}

func placeOf(e *firn.Event) place { return place{e.Stream, e.Revision, e.Position} }
