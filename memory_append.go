package firn

import (
	"context"
	"slices"
	"time"
)

// Append judges in this order: is the call valid, was it made before, is a
// stream tombstoned, does an expectation fail. The first write in the order
// given that fails is the one reported, and then nothing is written.
func (m *memory) Append(ctx context.Context, writes ...Write) (Appended, error) {
	return m.append(ctx, time.Time{}, writes)
}

// AppendAt is Append for events with a time of their own; see [Dated].
func (m *memory) AppendAt(ctx context.Context, at time.Time, writes ...Write) (Appended, error) {
	if err := CheckAppendTime(at); err != nil {
		return Appended{}, err
	}
	return m.append(ctx, at.UTC().Truncate(time.Microsecond), writes)
}

// append appends at a time; zero: that of the clock.
func (m *memory) append(ctx context.Context, at time.Time, writes []Write) (Appended, error) {
	writes = complete(ctx, writes)
	if err := checkWrites(writes); err != nil {
		return Appended{}, err
	}
	if err := m.lock(ctx, Consistency{}); err != nil {
		return Appended{}, err
	}
	defer m.mu.Unlock()

	done, repeated, err := m.repetition(writes)
	if repeated || err != nil {
		return done, err
	}
	for _, w := range writes {
		if err := m.judge(w); err != nil {
			return Appended{}, err
		}
	}
	return m.write(at, writes)
}

// judge says what stands in the way of one write, or nil.
func (m *memory) judge(w Write) error {
	s := m.status(w.Stream, m.present())
	if s.state == Tombstoned {
		if w.Expect == None && len(w.Drafts) == 0 {
			return nil // whoever only wants the stream not to be there has it so
		}
		return s.refusal(w.Stream)
	}
	return s.meets(w.Stream, w.Expect)
}

// write appends all drafts. All events of one append carry one time.
func (m *memory) write(at time.Time, writes []Write) (Appended, error) {
	var count, index uint32
	for _, w := range writes {
		count += uint32(len(w.Drafts))
	}
	if count == 0 {
		return Appended{Position: m.head()}, nil
	}
	now := m.nextTime()
	if !at.IsZero() {
		if err := AppendTimeConflict(at, m.timeAt(m.head()), now); err != nil {
			return Appended{}, err
		}
		now = at
	}
	done := Appended{Time: now}
	for _, w := range writes {
		if len(w.Drafts) == 0 {
			continue
		}
		var events []Event
		for _, d := range w.Drafts {
			e := eventOf(d)
			e.Stream, e.Time, e.Index, e.Count = w.Stream, now, index, count
			events = append(events, m.accept(e))
			index++
		}
		done.Writes = append(done.Writes, writtenOf(events))
	}
	done.Position = m.head()
	return done, nil
}

// writtenOf describes the events of one write, of which there is at least one.
func writtenOf(events []Event) Written {
	first, last := events[0], events[len(events)-1]
	w := Written{
		Stream:        first.Stream,
		FirstRevision: first.Revision, LastRevision: last.Revision,
		FirstPosition: first.Position, LastPosition: last.Position,
	}
	for _, e := range events {
		w.IDs = append(w.IDs, e.ID)
	}
	return w
}

// eventOf returns what the log keeps of a completed draft.
func eventOf(d Draft) Event {
	return Event{
		ID: d.ID, Type: d.Type, Schema: d.Schema, ContentType: d.ContentType,
		Data: d.Data, Metadata: d.Metadata,
		CorrelationID: d.CorrelationID, CausationID: d.CausationID, Occurred: d.Occurred,
	}
}

// complete returns a copy of the writes that shares no bytes with the caller,
// with what drafts may leave unsaid filled in.
func complete(ctx context.Context, writes []Write) []Write {
	writes = slices.Clone(writes)
	for i := range writes {
		drafts := slices.Clone(writes[i].Drafts)
		for j := range drafts {
			d := &drafts[j]
			d.Complete(ctx)
			if d.ContentType == "" {
				d.ContentType = JSON
			}
			if !d.Occurred.IsZero() {
				d.Occurred = d.Occurred.UTC().Truncate(time.Microsecond)
			}
			d.Data, d.Metadata = slices.Clone(d.Data), slices.Clone(d.Metadata)
		}
		writes[i].Drafts = drafts
	}
	return writes
}
