package check

import (
	"fmt"

	"github.com/firndb/firn"
)

// Heard is what one subscriber was told. It is for one goroutine at a time.
type Heard struct {
	Query       firn.Query    // as it was first asked
	Start       firn.Position // the first position that it asks for
	Messages    []firn.Message
	Connections []Connection
}

// Connection is one call of Subscribe.
type Connection struct {
	From int           // index in Messages of what it heard first
	Head firn.Position // what was committed when it was opened
}

// Resume begins another connection: it forgets what a consumer could not have
// kept for its checkpoint, and returns the query to go on with. head is what is
// committed.
func (h *Heard) Resume(head firn.Position) firn.Query {
	q, kept := h.Query, h.Kept()
	if kept > 0 {
		at := h.At(kept - 1)
		q.From, q.History = firn.PositionPoint(at+1), h.history()
		if q.Consistency.Local { // a replica that lags would speak of the past
			q.Consistency.AtLeast = max(q.Consistency.AtLeast, at)
		}
	}
	h.Messages = h.Messages[:kept]
	h.Connections = append(h.Connections, Connection{From: kept, Head: head})
	return q
}

// Kept returns how many messages a consumer keeps that is begun again: all up
// to the last one behind which it can go on.
func (h *Heard) Kept() int {
	for n := len(h.Messages); n > 0; n-- {
		if m := &h.Messages[n-1]; m.Mark != nil || m.Event.AppendEnd() {
			return n
		}
	}
	return 0
}

// At returns the position that message n speaks of.
func (h *Heard) At(n int) firn.Position {
	if m := &h.Messages[n]; m.Mark != nil {
		return m.Mark.At
	}
	return h.Messages[n].Event.Position
}

// history returns the history that the marks name, zero where there is none.
func (h *Heard) history() firn.ID {
	for _, m := range h.Messages {
		if m.Mark != nil {
			return m.Mark.History
		}
	}
	return firn.ID{}
}

func (h *Heard) String() string {
	target := "everything"
	switch {
	case h.Query.Stream != "":
		target = "the stream " + h.Query.Stream
	case h.Query.Category != "":
		target = "the category " + h.Query.Category
	}
	return fmt.Sprintf("the subscription to %s from %d, system %t, local %t", target, h.Start, h.Query.System, h.Query.Consistency.Local)
}

// messageText is short enough for an error.
func messageText(m *firn.Message) string {
	if m.Mark != nil {
		return fmt.Sprintf("%v at %d", m.Mark.Kind, m.Mark.At)
	}
	return fmt.Sprintf("the event at %d (%d of %d)", m.Event.Position, m.Event.Index, m.Event.Count)
}
