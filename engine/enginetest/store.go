package enginetest

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/engine/subscription"
)

// Apply applies one entry that holds the items, and returns their results.
func (s *Store) Apply(items ...command.Item) []command.Result {
	s.t.Helper()
	encoded := make([][]byte, len(items))
	for i, item := range items {
		encoded[i] = command.AppendItem(nil, item)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apply(command.AppendEntry(nil, record.Micros(s.o.Now()), encoded...))
}

func (s *Store) apply(data []byte) []command.Result {
	s.t.Helper()
	entry := engine.Entry{Index: uint64(len(s.log)) + 1, Term: 1, Data: data}
	s.log, s.chain = append(s.log, entry), append(s.chain, 0)
	results, err := s.engine.Apply([]engine.Entry{entry})
	if err != nil {
		s.t.Errorf("apply: %v", err)
		return []command.Result{{Err: firn.Errorf(firn.ErrInternal, "%v", err)}}
	}
	s.compareChain()
	return results[0]
}

// one applies an entry of one item.
func (s *Store) one(ctx context.Context, item command.Item) (firn.Appended, error) {
	if err := ctx.Err(); err != nil {
		return firn.Appended{}, err
	}
	if result := s.Apply(item)[0]; result.Err != nil {
		return firn.Appended{}, result.Err
	} else {
		return result.Appended, nil
	}
}

// Append appends as a client does: each draft is encoded once.
func (s *Store) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	return s.one(ctx, encode(ctx, writes))
}

// AppendAt appends events with a time of their own.
func (s *Store) AppendAt(ctx context.Context, at time.Time, writes ...firn.Write) (firn.Appended, error) {
	if err := firn.CheckAppendTime(at); err != nil {
		return firn.Appended{}, err
	}
	return s.one(ctx, &command.AppendAt{Micros: record.Micros(at), Append: *encode(ctx, writes)})
}

func encode(ctx context.Context, writes []firn.Write) *command.Append {
	item := &command.Append{Writes: make([]command.Write, len(writes))}
	for i, w := range writes {
		item.Writes[i] = command.Write{Stream: []byte(w.Stream), Expect: w.Expect}
		for _, d := range w.Drafts {
			d.Complete(ctx)
			item.Writes[i].Records = append(item.Writes[i].Records, record.AppendDraft(nil, &d))
		}
	}
	return item
}

// Change changes a stream's life.
func (s *Store) Change(ctx context.Context, stream string, expect firn.Expectation, life firn.Life) (firn.Position, error) {
	if life == nil {
		return 0, firn.Errorf(firn.ErrInvalid, "no change is given for stream %.64q", stream)
	}
	if l, ok := life.(firn.Limits); ok && (l.MaxAge < 0 || l.MaxAge > 0 && l.MaxAge < time.Microsecond) {
		return 0, firn.Errorf(firn.ErrInvalid, "a maximal age of %s; give at least a microsecond", l.MaxAge)
	}
	done, err := s.one(ctx, &command.Change{ID: firn.NewID(), Stream: []byte(stream), Expect: expect, Life: life})
	return done.Position, err
}

// Read reads.
func (s *Store) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		err := q.Check()
		e := s.Engine()
		if at := q.Consistency.AtLeast; err == nil && at > 0 {
			err = e.WaitHead(ctx, at-1)
		}
		if err == nil {
			err = subscription.CheckHistory(e, q.History)
		}
		if err != nil {
			yield(firn.Event{}, err)
			return
		}
		e.Read(ctx, q, s.o.Now())(yield)
	}
}

// Subscribe subscribes. A restart ends it.
func (s *Store) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return subscription.Messages(ctx, func() (subscription.Source, error) {
		e := s.Engine()
		if at := q.Consistency.AtLeast; at > 0 {
			if err := e.WaitHead(ctx, at-1); err != nil {
				return nil, err
			}
		}
		return subscription.Open(e, q, s.o.Subscription)
	})
}

// Stream describes a stream.
func (s *Store) Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error) {
	return s.Engine().Stream(ctx, name, at, s.o.Now())
}

// Streams lists streams.
func (s *Store) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return func(yield func(firn.StreamInfo, error) bool) {
		if err := q.Check(); err != nil {
			yield(firn.StreamInfo{}, err)
			return
		}
		s.Engine().Streams(ctx, q, s.o.Now())(yield)
	}
}

// Head returns the head.
func (s *Store) Head(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error) {
	e := s.Engine()
	if c.AtLeast > 0 {
		if err := e.WaitHead(ctx, c.AtLeast-1); err != nil {
			return 0, time.Time{}, err
		}
	}
	at, t := e.Head()
	return at, t, ctx.Err()
}

// SaveSnapshot keeps a snapshot.
func (s *Store) SaveSnapshot(ctx context.Context, kept firn.Snapshot) error {
	_, err := s.one(ctx, &command.Snapshot{
		Stream: []byte(kept.Stream), Fold: []byte(kept.Fold), Version: kept.Version,
		Revision: kept.Revision, Partial: kept.Partial, State: kept.State,
	})
	return err
}

// Load loads.
func (s *Store) Load(ctx context.Context, q firn.LoadQuery) (firn.Loaded, error) {
	found, err := s.Engine().Load(ctx, q, s.o.Now())
	if err != nil {
		return firn.Loaded{}, err
	}
	return firn.Loaded{
		Snapshot: found.Snapshot, Version: found.Version, Revision: found.Revision, Position: found.Position, Open: found.Open, Partial: found.Partial,
		Events: func(yield func(firn.Event, error) bool) {
			var d record.Decoder
			for stored, err := range found.Records {
				var e firn.Event
				if err == nil {
					e, err = d.Event(stored.Stream, bytes.Clone(stored.Bytes))
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		},
	}, nil
}
