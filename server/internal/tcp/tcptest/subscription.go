package tcptest

import (
	"context"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/tcp"
)

// subscription makes steps of a store's messages, one each. It takes them in a
// goroutine that ends with ctx.
type subscription struct {
	messages chan outcome
}

type outcome struct {
	message firn.Message
	err     error
}

func newSubscription(ctx context.Context, store firn.Store, q firn.Query) *subscription {
	s := &subscription{messages: make(chan outcome)}
	go s.run(ctx, store.Subscribe(ctx, q))
	return s
}

func (s *subscription) run(ctx context.Context, messages iter.Seq2[firn.Message, error]) {
	for m, err := range messages {
		select {
		case s.messages <- outcome{m, err}:
		case <-ctx.Done():
			return
		}
	}
}

func (s *subscription) Next(ctx context.Context) (tcp.Step, error) {
	select {
	case o := <-s.messages:
		if o.err != nil || o.message.Mark != nil {
			return tcp.Step{Mark: o.message.Mark}, o.err
		}
		e := &o.message.Event
		return tcp.Step{Events: []record.Stored{{Stream: e.Stream, Position: e.Position, Bytes: record.Encode(e)}}}, nil
	case <-ctx.Done():
		return tcp.Step{}, ctx.Err()
	}
}

func (s *subscription) Rest()  {}
func (s *subscription) Close() {}
