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
		if err := q.CheckSubscribe(); err != nil {
			yield(Message{}, err)
			return
		}
		at, err := m.beginning(ctx, q)
		sent, caughtUp := at, false // what is known to the subscriber
		for err == nil {
			var messages []Message
			var head Position
			messages, head, err = m.after(ctx, q, at)
			at = head
			switch {
			case err == nil && !caughtUp:
				messages = append(messages, Message{Mark: &Mark{Kind: CaughtUp, At: at}})
				caughtUp = true
			case len(messages) == 0 && at > sent:
				messages = append(messages, Message{Mark: &Mark{Kind: Checkpoint, At: at}})
			}
			for _, message := range messages {
				if !yield(message, nil) {
					return
				}
				sent = at
			}
			if err == nil {
				err = m.wait(ctx, at)
			}
		}
		yield(Message{}, err)
	}
}

// beginning returns the position behind which the subscription begins.
func (m *memory) beginning(ctx context.Context, q Query) (Position, error) {
	if err := m.lock(ctx, q.Consistency); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if q.From.Kind() == PointEnd {
		return m.head(), nil
	}
	at := Position(0)
	for at < m.head() && !begins(q.From, m.log[at], false) && q.From.Kind() != PointRevision {
		at++
	}
	return at, nil
}

// after returns what the query selects behind a position, and the head up to
// which it looked. A stream that is followed by itself ends with its tombstone.
func (m *memory) after(ctx context.Context, q Query, at Position) ([]Message, Position, error) {
	if err := m.lock(ctx, Consistency{}); err != nil {
		return nil, at, err
	}
	defer m.mu.Unlock()
	var messages []Message
	present := m.present()
	for _, e := range m.log[at:] {
		stream, life, changed := LifeOf(&e)
		switch {
		case q.Stream == "" && q.System && selects(q, e), changed && q.Stream == e.Stream, !changed && selects(q, e):
			if s := m.status(e.Stream, present); s.first <= e.Revision && e.Revision < s.next {
				messages = append(messages, Message{Event: e})
			}
		case changed && follows(q, stream, life):
			messages = append(messages, Message{Mark: &Mark{Kind: LifeMark, At: e.Position, Stream: stream, Life: life, Time: e.Time, Actor: e.Actor}})
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
