package firn

import (
	"context"
	"iter"
)

// Subscribe looks at each position once, in order, and waits for the next one
// at the head. What is visible of a stream is judged when its event is looked
// at.
func (m *memory) Subscribe(ctx context.Context, q Query) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		at, err := m.beginning(ctx, q)
		caughtUp := false
		for err == nil {
			var messages []Message
			messages, at, err = m.after(ctx, q, at)
			if err == nil && !caughtUp {
				messages = append(messages, m.mark(CaughtUp, at))
				caughtUp = true
			} else if err == nil && told(messages) < at {
				messages = append(messages, m.mark(Checkpoint, at))
			}
			for _, message := range messages {
				if !yield(message, nil) {
					return
				}
			}
			if err == nil {
				err = m.wait(ctx, at)
			}
		}
		yield(Message{}, err)
	}
}

// told returns up to where the last of the messages says that all was sent.
func told(messages []Message) Position {
	if len(messages) == 0 {
		return 0
	}
	last := &messages[len(messages)-1]
	if last.Mark != nil {
		return last.Mark.At
	}
	return last.Event.Position
}

func (m *memory) mark(kind MarkKind, at Position) Message {
	return Message{Mark: &Mark{Kind: kind, At: at, History: m.history}}
}

// beginning returns the position behind which the subscription begins: the
// head, where the point is yet to come.
func (m *memory) beginning(ctx context.Context, q Query) (Position, error) {
	if err := q.CheckSubscribe(); err != nil {
		return 0, err
	}
	if err := m.lock(ctx, q.Consistency); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if err := m.checkHistory(q); err != nil {
		return 0, err
	}
	at := Position(0)
	for at < m.head() && !started(q, m.log[at]) {
		at++
	}
	return at, nil
}

func (m *memory) checkHistory(q Query) error {
	if !q.History.IsZero() && q.History != m.history {
		return Errorf(ErrOtherHistory, "the position was noted in history %v, this store is in history %v; what was fed from the other one must be built anew", q.History, m.history)
	}
	return nil
}

// started reports whether the subscription has begun once it comes to an event.
// A revision is a place in the stream that is followed, and no other.
func started(q Query, e Event) bool {
	if q.From.Kind() == PointRevision {
		return e.Stream == q.Stream && e.Revision >= q.From.Revision()
	}
	return begins(q.From, e, false)
}

// after returns what the query selects behind a position, and the head up to
// which it looked. A stream that is followed by itself ends with its tombstone.
func (m *memory) after(ctx context.Context, q Query, at Position) ([]Message, Position, error) {
	if err := m.lock(ctx, Consistency{}); err != nil {
		return nil, at, err
	}
	defer m.mu.Unlock()
	if q.From.Kind() == PointEnd {
		q.From = StartPoint() // what was there when the subscription began is behind at
	}
	var messages []Message
	present := m.present()
	ofAnyType := q
	ofAnyType.Types, ofAnyType.TypePrefixes = nil, nil
	for _, e := range m.log[at:] {
		stream, life, changed := LifeOf(&e)
		switch {
		case selects(ofAnyType, e) && (q.Stream == "" || q.Stream == e.Stream):
			if s := m.status(e.Stream, present); q.WantsType(e.Type) && s.first <= e.Revision && e.Revision < s.next {
				messages = append(messages, Message{Event: e})
			}
		case changed && follows(q, stream, life) && (q.From.Kind() == PointRevision || begins(q.From, e, false)):
			messages = append(messages, Message{Mark: &Mark{Kind: LifeMark, At: e.Position, History: m.history, Stream: stream, Life: life, Time: e.Time, Actor: e.Actor}})
		}
	}
	if q.Stream != "" {
		if s := m.status(q.Stream, present); s.state == Tombstoned {
			return messages, m.head(), s.refusal(q.Stream)
		}
	}
	return messages, m.head(), nil
}

// follows reports whether a change of life concerns what the query is about.
func follows(q Query, stream string, life Life) bool {
	limits, _ := life.(Limits)
	switch {
	case q.Stream != "":
		return stream == q.Stream
	case q.Category != "":
		return Category(stream) == q.Category && anyPrefix(q.StreamPrefixes, stream) || limits.Category == q.Category
	}
	return stream == CategoriesStream || anyPrefix(q.StreamPrefixes, stream)
}

// wait returns once there is an event behind a position.
func (m *memory) wait(ctx context.Context, at Position) error {
	if err := m.lock(ctx, Consistency{AtLeast: at + 1}); err != nil {
		return err
	}
	m.mu.Unlock()
	return nil
}
