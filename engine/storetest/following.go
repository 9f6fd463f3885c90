package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firndb/firn"
)

// following is a subscription whose messages are taken one by one.
type following struct {
	messages chan told
	cancel   context.CancelFunc
}

// told is a message or the error that ended the subscription.
type told struct {
	firn.Message
	err error
}

// follow subscribes, in a goroutine of its own that ends with ctx or stop.
func follow(ctx context.Context, s firn.Store, q firn.Query) *following {
	ctx, cancel := context.WithCancel(ctx)
	f := &following{messages: make(chan told), cancel: cancel}
	go func() {
		defer close(f.messages)
		for m, err := range s.Subscribe(ctx, q) {
			select {
			case f.messages <- told{m, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return f
}

// stop ends the subscription and waits until it has.
func (f *following) stop() {
	f.cancel()
	for range f.messages {
	}
}

// patience is how long a message that must come is waited for.
const patience = time.Minute

var errNothing = errors.New("nothing came")

// next returns the next message.
func (f *following) next() (firn.Message, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case got, ok := <-f.messages:
		if !ok {
			return firn.Message{}, fmt.Errorf("the subscription ended without an error")
		}
		return got.Message, got.err
	case <-timer.C:
		return firn.Message{}, errNothing
	}
}

// untilCaughtUp returns what a subscription says up to its first caught-up
// mark, which is the last message, or up to its error.
func untilCaughtUp(ctx context.Context, s firn.Store, q firn.Query) ([]firn.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []firn.Message
	for m, err := range s.Subscribe(ctx, q) {
		if err != nil {
			return all, err
		}
		all = append(all, m)
		if m.Mark != nil && m.Mark.Kind == firn.CaughtUp {
			return all, nil
		}
	}
	return all, errors.New("the subscription ended without an error")
}
