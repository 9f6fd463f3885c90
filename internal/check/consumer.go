package check

import (
	"context"
	"iter"

	"github.com/firndb/firn"
)

// watchedConsumer is a consumer that writes down what it is handed and answers.
type watchedConsumer struct {
	firn.Consumer
	history *Group
}

func (c watchedConsumer) Deliveries(ctx context.Context) iter.Seq2[firn.Delivery, error] {
	return func(yield func(firn.Delivery, error) bool) {
		for d, err := range c.Consumer.Deliveries(ctx) {
			if err == nil {
				c.history.Delivered(d)
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

func (c watchedConsumer) Settle(ctx context.Context, answers ...firn.Settlement) error {
	done := c.history.Answering(answers)
	err := c.Consumer.Settle(ctx, answers...)
	done(err)
	return err
}
