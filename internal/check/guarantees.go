package check

import (
	"bytes"
	"fmt"

	"github.com/firndb/firn"
)

// Log is what was appended: what every history is held against.
type Log struct {
	Events []firn.Event // Events[p-1] is at position p
	Hidden []bool       // it could not be seen at some time, so a subscriber may have missed it; nil: none

	// Differs says how a message differs from the one that had to come, "" for
	// not at all. Nil compares what was appended.
	Differs func(got, want *firn.Message) string
}

func (l *Log) hidden(p firn.Position) bool { return l.Hidden != nil && l.Hidden[p-1] }

func (l *Log) differs(got, want *firn.Message) string {
	if l.Differs != nil {
		return l.Differs(got, want)
	}
	if want.Mark != nil {
		if g, w := got.Mark, want.Mark; g.Stream != w.Stream || fmt.Sprint(g.Life) != fmt.Sprint(w.Life) || !g.Time.Equal(w.Time) {
			return fmt.Sprintf("it is %+v, and was %+v", g, w)
		}
		return ""
	}
	return eventDiffers(&got.Event, &want.Event)
}

// eventDiffers says how an event is not what was appended.
func eventDiffers(got, want *firn.Event) string {
	if got.Stream != want.Stream || got.Revision != want.Revision || got.ID != want.ID || got.Type != want.Type ||
		!got.Time.Equal(want.Time) || !bytes.Equal(got.Data, want.Data) || got.Index != want.Index || got.Count != want.Count {
		return fmt.Sprintf("it is %+v, and was appended as %+v", got, want)
	}
	return ""
}

// The promises that [Heard.Check] knows.
const (
	Order    = "order"
	Once     = "once"
	Gap      = "gap"
	Torn     = "torn"
	CaughtUp = "caught up"
	Content  = "content"
)

// Check holds what was heard so far against the log. It returns the first fault.
func (h *Heard) Check(l *Log) error {
	at := h.Start - 1 // all that had to come up to here has
	for n := range h.Messages {
		m, p := &h.Messages[n], h.At(n)
		check, text := "", ""
		switch {
		case m.Mark == nil || m.Mark.Kind == firn.LifeMark:
			if p <= at {
				check, text = h.toldBefore(n)
			} else if text = h.missed(l, at, p-1); text != "" {
				check = Gap
			} else if text = h.wrong(l, m, p); text != "" {
				check = Content
			}
		case p < at:
			check, text = Order, "it was told of a later position before"
		case p > 0 && (int(p) > len(l.Events) || !l.Events[p-1].AppendEnd()):
			check, text = Torn, "no append ends there"
		default:
			if text = h.missed(l, at, p); text != "" {
				check = Gap
			}
		}
		if check != "" {
			return &Fault{check, fmt.Sprintf("%s: message %d, %s: %s", h, n, messageText(m), text)}
		}
		at = max(at, p)
	}
	return h.caughtUp()
}

// toldBefore says whether message n comes again, or too late.
func (h *Heard) toldBefore(n int) (check, text string) {
	for before := range n {
		if m := &h.Messages[before]; h.At(before) == h.At(n) && (m.Mark == nil || m.Mark.Kind == firn.LifeMark) {
			return Once, fmt.Sprintf("it was message %d before", before)
		}
	}
	return Order, "it has been told of that position before"
}

// missed says which position behind at and up to to had to come, "" for none.
func (h *Heard) missed(l *Log, at, to firn.Position) string {
	for p := at + 1; p <= to && int(p) <= len(l.Events); p++ {
		e := &l.Events[p-1]
		if wantsEvent(&h.Query, e) && !l.hidden(p) || wantsChange(&h.Query, e) {
			return fmt.Sprintf("left out: position %d, %s@%d %q", p, e.Stream, e.Revision, e.Type)
		}
	}
	return ""
}

// wrong says what is wrong with an event or a change by itself, "" for nothing.
func (h *Heard) wrong(l *Log, m *firn.Message, p firn.Position) string {
	if int(p) > len(l.Events) {
		return "nothing was appended there"
	}
	e := &l.Events[p-1]
	if m.Mark == nil {
		if !wantsEvent(&h.Query, e) {
			return "it was not asked for"
		}
		return l.differs(m, &firn.Message{Event: *e})
	}
	if !wantsChange(&h.Query, e) {
		return "it was not asked for"
	}
	stream, life, _ := firn.LifeOf(e)
	return l.differs(m, &firn.Message{Mark: &firn.Mark{Kind: firn.LifeMark, At: p, Stream: stream, Life: life, Time: e.Time, Actor: e.Actor}})
}

// caughtUp looks at the first caught-up mark of each connection.
func (h *Heard) caughtUp() error {
	for i, connection := range h.Connections {
		to := len(h.Messages)
		if i+1 < len(h.Connections) {
			to = h.Connections[i+1].From
		}
		if connection.From > to {
			continue // what it heard was not kept
		}
		for _, m := range h.Messages[connection.From:to] {
			if m.Mark == nil || m.Mark.Kind != firn.CaughtUp {
				continue
			}
			if m.Mark.At < connection.Head {
				return &Fault{CaughtUp, fmt.Sprintf("%s: it was called caught up at %d, but %d was committed before it was opened", h, m.Mark.At, connection.Head)}
			}
			break
		}
	}
	return nil
}
