package firn

import (
	"bytes"
	"cmp"
	"fmt"
)

// repetition recognises an append that was made before, so that a caller whose
// answer was lost can send it again without harm. An event is identified by
// its stream and its id. If all drafts are there already, with the same
// content and one behind the other, the answer is the first append's; if only
// some are, or an id stands for other content, it is an error. Conditions play
// no part: they held then, and need not hold now.
func (m *memory) repetition(writes []Write) (done Appended, repeated bool, err error) {
	drafts, found := 0, 0
	inOrder := true
	partial, reused := &Error{Kind: ErrPartialRepeat}, &Error{Kind: ErrIDReused}
	for _, w := range writes {
		var events []Event
		for i := range w.Drafts {
			drafts++
			e, ok := m.earlier(w, i)
			if !ok {
				continue
			}
			found++
			partial.IDs = append(partial.IDs, e.ID)
			if !sameContent(e, w.Drafts[i]) {
				reused.Stream = cmp.Or(reused.Stream, w.Stream)
				reused.IDs = append(reused.IDs, e.ID)
				reused.Positions = append(reused.Positions, e.Position)
			}
			events = append(events, e)
			inOrder = inOrder && e.Revision == events[0].Revision+Revision(i)
		}
		if len(events) == 0 {
			continue
		}
		if done.Writes == nil {
			done.Time, partial.Stream = events[0].Time, w.Stream
		}
		done.Writes = append(done.Writes, writtenOf(events))
		done.Position = max(done.Position, events[len(events)-1].Position)
	}
	switch {
	case found == 0:
		return Appended{}, false, nil
	case len(reused.IDs) > 0:
		reused.Message = fmt.Sprintf("stream %q holds the id %s at position %d with other content; a new event needs a new id",
			reused.Stream, reused.IDs[0], reused.Positions[0])
		return Appended{}, false, reused
	case found < drafts:
		partial.Message = fmt.Sprintf("%d of the append's %d events are already stored (the first is %s); repeat an append whole, or leave them out",
			found, drafts, partial.IDs[0])
		return Appended{}, false, partial
	case !inOrder:
		partial.Message = fmt.Sprintf("the append's %d events are all stored (the first is %s), but not one behind the other in this order; repeat an append as it was",
			drafts, partial.IDs[0])
		return Appended{}, false, partial
	}
	done.Repeated = true
	return done, true, nil
}

// earlier finds the stored event that the write's draft i repeats. It is
// looked for by its id in the newest positions of the log and, where the
// expectation is an exact revision, however long ago, in the two places where
// a repetition would have put it: right behind that revision, and, where that
// is the stream's last, at the stream's end (a caller who lost the answer,
// then asked for the current revision, and sends the same again).
func (m *memory) earlier(w Write, i int) (Event, bool) {
	events, id := m.streams[w.Stream], w.Drafts[i].ID
	for j := len(events) - 1; j >= 0 && uint64(events[j].Position)+m.window > uint64(m.head()); j-- {
		if events[j].ID == id {
			return events[j], true
		}
	}
	n, exact := w.Expect.Exact()
	if !exact || n >= Revision(len(events)) {
		return Event{}, false
	}
	at := int(n) + 1 + i
	if int(n) == len(events)-1 {
		if events[n].ID != w.Drafts[len(w.Drafts)-1].ID {
			return Event{}, false
		}
		at = len(events) - len(w.Drafts) + i
	}
	if at < 0 || at >= len(events) || events[at].ID != id {
		return Event{}, false
	}
	return events[at], true
}

// sameContent reports whether a stored event is what the draft would become.
func sameContent(e Event, d Draft) bool {
	return e.ID == d.ID && e.Type == d.Type && e.Schema == d.Schema && e.ContentType == d.ContentType &&
		e.CorrelationID == d.CorrelationID && e.CausationID == d.CausationID && e.Occurred.Equal(d.Occurred) &&
		bytes.Equal(e.Data, d.Data) && bytes.Equal(e.Metadata, d.Metadata)
}
