package subscription

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// slow is how long a consumer may take for one step before the subscription
// rests while it works on the next.
const slow = 100 * time.Millisecond

// Source is a subscription, or what shows one in another way.
type Source interface {
	Next(ctx context.Context) (Step, error)
	Rest()
	Close()
}

// Messages yields the messages of a subscription, which it opens when the
// iteration begins. The events' bytes are the caller's to keep.
func Messages(ctx context.Context, open func() (Source, error)) iter.Seq2[firn.Message, error] {
	return func(yield func(firn.Message, error) bool) {
		s, err := open()
		if err == nil {
			defer s.Close()
		}
		var decoder record.Decoder
		var messages []firn.Message
		var took time.Duration
		for err == nil {
			var step Step
			if step, err = s.Next(ctx); err != nil {
				break
			}
			messages = messages[:0]
			for i := range step.Events {
				var e firn.Event
				if e, err = decoder.Event(step.Events[i].Stream, bytes.Clone(step.Events[i].Bytes)); err != nil {
					break
				}
				e.Fault = step.Events[i].Fault
				messages = append(messages, firn.Message{Event: e})
			}
			if step.Mark != nil && err == nil {
				messages = append(messages, firn.Message{Mark: step.Mark})
			}
			if took > slow {
				s.Rest()
			}
			began := time.Now()
			for i := range messages {
				if !yield(messages[i], nil) {
					return
				}
			}
			clear(messages)
			took = time.Since(began)
		}
		yield(firn.Message{}, err)
	}
}
