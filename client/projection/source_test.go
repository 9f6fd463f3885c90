package projection_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// source wraps a store as a network and a restore would: its subscriptions
// break off, and it has a history.
type source struct {
	firn.Store

	mu      sync.Mutex
	history firn.ID
	breaks  *rand.Rand // nil: never
}

func (s *source) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return func(yield func(firn.Message, error) bool) {
		s.mu.Lock()
		history, left := s.history, -1
		if s.breaks != nil {
			left = s.breaks.IntN(40)
		}
		s.mu.Unlock()
		if !q.History.IsZero() && q.History != history {
			yield(firn.Message{}, firn.Errorf(firn.ErrOtherHistory, "noted in %v, this is %v", q.History, history))
			return
		}
		q.History = firn.ID{}
		for message, err := range s.Store.Subscribe(ctx, q) {
			if left == 0 {
				yield(firn.Message{}, firn.Errorf(firn.ErrUnavailable, "the connection was lost"))
				return
			}
			left--
			if message.Mark != nil {
				mark := *message.Mark
				mark.History = history
				message.Mark = &mark
			}
			if !yield(message, err) {
				return
			}
		}
	}
}

// generated is a store of n events that everybody can compute: appends of one
// to five events, of the streams thing-0 to thing-99.
type generated int

func (n generated) at(p firn.Position) firn.Event {
	first, index := (p-1)/5*5+1, (p-1)%5
	count := 5
	if (first/5)%2 == 1 { // every other five are an append of one, and one of four
		count = 4
		if index == 0 {
			count = 1
		} else {
			index--
		}
	}
	if last := int(first) + 4; last > int(n) {
		index, count = 0, 1
	}
	return firn.Event{
		Stream: fmt.Sprintf("thing-%d", p%100), Revision: firn.Revision(p / 100), Position: p, Time: time.Unix(int64(p), 0).UTC(),
		ID: firn.DeriveID(firn.ID{}, int(p)), Type: "Counted", ContentType: firn.JSON, Data: []byte(`{}`), Index: uint32(index), Count: uint32(count),
	}
}

func (n generated) Head(context.Context, firn.Consistency) (firn.Position, time.Time, error) {
	return firn.Position(n), n.at(firn.Position(n)).Time, nil
}

func (n generated) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return func(yield func(firn.Message, error) bool) {
		p := max(1, q.From.Position())
		if q.From.Kind() == firn.PointEnd {
			p = firn.Position(n) + 1
		}
		for ; p <= firn.Position(n); p++ {
			if !yield(firn.Message{Event: n.at(p)}, nil) {
				return
			}
		}
		if !yield(firn.Message{Mark: &firn.Mark{Kind: firn.CaughtUp, At: firn.Position(n)}}, nil) {
			return
		}
		<-ctx.Done()
		yield(firn.Message{}, ctx.Err())
	}
}

func (n generated) fold() counts {
	all := counts{}
	for p := range int(n) {
		all.add(n.at(firn.Position(p + 1)))
	}
	return all
}
