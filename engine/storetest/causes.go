package storetest

import (
	"github.com/firndb/firn"
)

// testCauses: what the context says of a cause is kept with the events, where
// the draft does not say it itself; and what an event has led to is found.
func testCauses(s *tester) {
	first := s.append(firn.To("cause-1", firn.None, firn.Draft{Type: "Asked"}))
	var asked firn.Event
	for e, err := range s.Read(s.t.Context(), firn.Query{Stream: "cause-1"}) {
		if err != nil {
			s.t.Fatal(err)
		}
		asked = e
	}
	id := first.Writes[0].IDs[0].String()
	ctx := firn.CausedBy(s.t.Context(), &asked)
	answer := func(d firn.Draft) firn.Event {
		s.t.Helper()
		if _, err := s.Append(ctx, firn.To("cause-2", firn.Any, d)); err != nil {
			s.t.Fatal(err)
		}
		for e, err := range s.Read(s.t.Context(), firn.Query{Stream: "cause-2", Backwards: true, Limit: 1}) {
			if err != nil {
				s.t.Fatal(err)
			}
			return e
		}
		s.t.Fatal("the event that was appended is not there")
		return firn.Event{}
	}
	e := answer(firn.Draft{Type: "Answered"})
	if e.CausationID != id || e.CorrelationID != id {
		s.t.Errorf("the event has the causation %q and the correlation %q, want %q for both", e.CausationID, e.CorrelationID, id)
	}
	own := answer(firn.Draft{Type: "Answered", CausationID: "command 1", CorrelationID: "talk 1"})
	if own.CausationID != "command 1" || own.CorrelationID != "talk 1" {
		s.t.Errorf("the event has the causation %q and the correlation %q, which are not its draft's", own.CausationID, own.CorrelationID)
	}
	ctx = firn.CausedBy(s.t.Context(), &own)
	next := answer(firn.Draft{Type: "Closed"})
	if next.CausationID != own.ID.String() || next.CorrelationID != "talk 1" {
		s.t.Errorf("the event has the causation %q and the correlation %q, want %v and %q", next.CausationID, next.CorrelationID, own.ID, "talk 1")
	}
	s.shows(firn.Query{Causation: id}, e)
	s.shows(firn.Query{Causation: "command 1"}, own)
	s.shows(firn.Query{Correlation: "talk 1"}, own, next)
	s.shows(firn.Query{Correlation: "talk 1", Backwards: true}, next, own)
	s.shows(firn.Query{Correlation: "talk 2"})
}
