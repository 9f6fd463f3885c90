package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// logged is what was appended, as the model has it: what every watch is held
// against.
type logged struct {
	events []firn.Event // events[p-1] is at position p
	hidden []bool       // it could not be seen at some time, so a watch may have missed it
}

// guarantees checks what a watch has heard so far: in order, each event once,
// nothing left out, marks where appends end, caught up not too early, and each
// event and change as the model has it. It returns the first fault.
func (c *comparison) guarantees(w *watch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.start - 1 // all that had to come up to here has
	for n, m := range w.heard {
		p := w.heardAt(n)
		var fault string
		switch {
		case m.Mark == nil || m.Mark.Kind == firn.LifeMark:
			if p <= at {
				fault = "it has been told of that position before"
			} else if fault = c.missed(w, at, p-1); fault == "" {
				fault = c.differs(w, &m)
			}
		case p < at:
			fault = "it was told of a later position before"
		case p > 0 && (int(p) > len(c.log.events) || !c.log.events[p-1].AppendEnd()):
			fault = "no append ends there"
		default:
			fault = c.missed(w, at, p)
		}
		if fault != "" {
			return fmt.Errorf("%s: message %d, %s: %s", w, n, told{Message: m}, fault)
		}
		at = max(at, p)
	}
	for i, connection := range w.connections {
		to := len(w.heard)
		if i+1 < len(w.connections) {
			to = w.connections[i+1].from
		}
		if connection.from > to {
			continue // what it heard was not kept
		}
		for _, m := range w.heard[connection.from:to] {
			if m.Mark == nil || m.Mark.Kind != firn.CaughtUp {
				continue
			}
			if m.Mark.At < connection.head {
				return fmt.Errorf("%s: it was called caught up at %d, but %d was committed before it was opened", w, m.Mark.At, connection.head)
			}
			break
		}
	}
	return nil
}

// String is short enough for an error.
func (t told) String() string {
	if t.Mark != nil {
		return fmt.Sprintf("%v at %d", t.Mark.Kind, t.Mark.At)
	}
	return fmt.Sprintf("the event at %d (%d of %d)", t.Event.Position, t.Event.Index, t.Event.Count)
}

// missed says which position behind at and up to to had to come, "" for none.
func (c *comparison) missed(w *watch, at, to firn.Position) string {
	for p := at + 1; p <= to && int(p) <= len(c.log.events); p++ {
		e := &c.log.events[p-1]
		if wantsEvent(&w.q, e) && !c.log.hidden[p-1] || wantsChange(&w.q, e) {
			return "left out: " + eventLine(*e)
		}
	}
	return ""
}

// differs says what is wrong with an event or a change by itself, "" for nothing.
func (c *comparison) differs(w *watch, m *firn.Message) string {
	p := m.Event.Position
	if m.Mark != nil {
		p = m.Mark.At
	}
	if int(p) > len(c.log.events) {
		return "nothing was appended there"
	}
	e := c.log.events[p-1]
	if m.Mark == nil {
		if !wantsEvent(&w.q, &e) {
			return "it was not asked for"
		}
		if got, want := c.store.event(m.Event), c.model.event(e); got != want {
			return fmt.Sprintf("\nstore: %s\nmodel: %s", got, want)
		}
		return ""
	}
	if !wantsChange(&w.q, &e) {
		return "it was not asked for"
	}
	stream, life, _ := firn.LifeOf(&e)
	want := firn.Mark{Kind: firn.LifeMark, At: p, Stream: stream, Life: life, Time: e.Time, Actor: e.Actor}
	if got, want := c.store.mark(m.Mark), c.model.mark(&want); got != want {
		return fmt.Sprintf("\nstore: %s\nmodel: %s", got, want)
	}
	return ""
}

// wantsEvent says whether the event, if it is visible, has to come as one.
func wantsEvent(q *firn.Query, e *firn.Event) bool {
	return inScope(q, e.Stream) && q.WantsType(e.Type)
}

// inScope reports whether a subscription is about the events of a stream.
func inScope(q *firn.Query, stream string) bool {
	if q.Stream != "" {
		return stream == q.Stream
	}
	return (q.System || !firn.IsSystem(stream)) && named(q, stream)
}

func named(q *firn.Query, stream string) bool {
	return (q.Category == "" || firn.Category(stream) == q.Category) &&
		(len(q.StreamPrefixes) == 0 || slices.ContainsFunc(q.StreamPrefixes, func(p string) bool { return strings.HasPrefix(stream, p) }))
}

// wantsChange says whether the event has to come as a mark of a change of life.
func wantsChange(q *firn.Query, e *firn.Event) bool {
	stream, life, ok := firn.LifeOf(e)
	limits, _ := life.(firn.Limits)
	switch {
	case !ok || inScope(q, e.Stream):
		return false
	case q.Stream != "":
		return stream == q.Stream
	case stream == firn.CategoriesStream:
		return q.Category == "" || limits.Category == q.Category
	}
	return named(q, stream)
}

// ending says what is wrong with the error that a watch has ended with, nil
// where it goes on, as all do but those of a stream that was tombstoned.
func (c *comparison) ending(w *watch) error {
	w.mu.Lock()
	ended := w.ended
	w.mu.Unlock()
	gone := false
	for i := range c.log.events {
		stream, life, _ := firn.LifeOf(&c.log.events[i])
		if _, tombstone := life.(firn.Tombstone); tombstone && stream == w.q.Stream {
			gone = true
		}
	}
	if gone != errors.Is(ended, firn.ErrTombstoned) || !gone && ended != nil {
		return fmt.Errorf("%s ended with %v; its stream was tombstoned: %t", w, ended, gone)
	}
	return nil
}
