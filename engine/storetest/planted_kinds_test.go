package storetest_test

import (
	"context"
	"errors"
	"slices"

	"github.com/firndb/firn"
)

// The shapes that planted bugs come in.

func eachEvent(change func(*firn.Event)) func() *faulty {
	return func() *faulty {
		return &faulty{events: func(events []firn.Event) []firn.Event {
			for i := range events {
				change(&events[i])
			}
			return events
		}}
	}
}

func eachQuery(change func(*firn.Query)) func() *faulty {
	return func() *faulty {
		return &faulty{query: func(q firn.Query) firn.Query { change(&q); return q }}
	}
}

func eachLife(change func(firn.Life) firn.Life) func() *faulty {
	return func() *faulty { return &faulty{change: change} }
}

func eachWrite(change func(*firn.Write)) func() *faulty {
	return func() *faulty {
		return &faulty{append: func(s firn.Store, writes []firn.Write) (firn.Appended, error) {
			writes = slices.Clone(writes)
			for i := range writes {
				change(&writes[i])
			}
			return s.Append(context.Background(), writes...)
		}}
	}
}

func expectationAs(from, to firn.Expectation) func() *faulty {
	return eachWrite(func(w *firn.Write) {
		if w.Expect == from {
			w.Expect = to
		}
	})
}

func checksIgnored() *faulty {
	return eachWrite(func(w *firn.Write) {
		if len(w.Drafts) == 0 {
			w.Expect = firn.Any
		}
	})()
}

// notAtomic appends one write after the other.
func notAtomic() *faulty {
	return &faulty{append: func(s firn.Store, writes []firn.Write) (firn.Appended, error) {
		var all firn.Appended
		for _, w := range writes {
			done, err := s.Append(context.Background(), w)
			if err != nil {
				return firn.Appended{}, err
			}
			done.Writes = append(all.Writes, done.Writes...)
			all = done
		}
		return all, nil
	}}
}

// repeatedAgain appends a repetition under new ids.
func repeatedAgain() *faulty {
	return &faulty{append: func(s firn.Store, writes []firn.Write) (firn.Appended, error) {
		done, err := s.Append(context.Background(), writes...)
		if !done.Repeated {
			return done, err
		}
		writes = slices.Clone(writes)
		for i := range writes {
			writes[i].Drafts = slices.Clone(writes[i].Drafts)
			for j := range writes[i].Drafts {
				writes[i].Drafts[j].ID = firn.NewID()
			}
		}
		return s.Append(context.Background(), writes...)
	}}
}

// otherContent answers an append that reuses an id as if it were a repetition.
func otherContent() *faulty {
	return &faulty{append: func(s firn.Store, writes []firn.Write) (firn.Appended, error) {
		done, err := s.Append(context.Background(), writes...)
		var e *firn.Error
		if errors.As(err, &e) && e.Kind == firn.ErrIDReused {
			return firn.Appended{Position: e.Positions[0], Repeated: true}, nil
		}
		return done, err
	}}
}

// deletedShown reads a deleted stream as of before it was deleted.
func deletedShown() *faulty {
	return &faulty{refused: func(s firn.Store, q firn.Query, err error) ([]firn.Event, error) {
		var e *firn.Error
		if !errors.As(err, &e) || e.Kind != firn.ErrDeleted {
			return nil, err
		}
		q.Bound = firn.PositionPoint(e.Positions[0] - 1)
		var events []firn.Event
		for event, err := range s.Read(context.Background(), q) {
			if err != nil {
				return nil, err
			}
			events = append(events, event)
		}
		return events, nil
	}}
}
