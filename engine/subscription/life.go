package subscription

import (
	"bytes"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// change returns the mark for an event that records a change of life, nil
// where it does not concern what is followed. A tombstone ends the
// subscription of its stream.
func (s *Subscription) change(e *engine.Followed) (*firn.Mark, error) {
	event, err := s.decoder.Event(e.Stream, bytes.Clone(e.Bytes)) // the mark is the subscriber's to keep
	if err != nil {
		return nil, err
	}
	stream, life, ok := firn.LifeOf(&event)
	if !ok || !s.follows(stream, life) {
		return nil, nil
	}
	if _, tombstone := life.(firn.Tombstone); tombstone && s.q.Stream == stream {
		if err := s.e.Tombstone(stream); err != nil {
			s.ended = err
		}
	}
	return &firn.Mark{
		Kind: firn.LifeMark, At: event.Position, History: s.history,
		Stream: stream, Life: life, Time: event.Time, Actor: event.Actor,
	}, nil
}

// follows reports whether limits of a category concern what is followed; of
// the changes to streams, the engine has returned none that does not.
func (s *Subscription) follows(stream string, life firn.Life) bool {
	limits, ok := life.(firn.Limits)
	return !ok || stream != firn.CategoriesStream || s.q.Category == "" || limits.Category == s.q.Category
}
