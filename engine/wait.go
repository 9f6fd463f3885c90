package engine

import (
	"context"

	"github.com/firndb/firn"
)

// WaitApplied returns once the entry of an index is applied.
func (e *Engine) WaitApplied(ctx context.Context, index uint64) error {
	return e.wait(ctx, func(s *seen) bool { return s.p.index >= index })
}

// WaitHead returns once there is an event behind a position.
func (e *Engine) WaitHead(ctx context.Context, after firn.Position) error {
	return e.wait(ctx, func(s *seen) bool { return s.p.head > after })
}

// Moved returns a channel that is closed once there is an event behind a
// position, or the engine is closed.
func (e *Engine) Moved(after firn.Position) <-chan struct{} {
	e.waiting.Lock()
	defer e.waiting.Unlock()
	select {
	case <-e.closed:
		return e.closed
	default:
	}
	if e.seen.Load().p.head > after {
		return closedChannel
	}
	if e.moved == nil {
		e.moved = make(chan struct{})
	}
	return e.moved
}

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (e *Engine) wait(ctx context.Context, reached func(*seen) bool) error {
	for !reached(e.seen.Load()) {
		e.waiting.Lock()
		// What readers see is replaced before the channel is closed, so a look
		// under the lock misses nothing.
		if reached(e.seen.Load()) {
			e.waiting.Unlock()
			return nil
		}
		if e.moved == nil {
			e.moved = make(chan struct{})
		}
		moved := e.moved
		e.waiting.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-e.closed:
			return errClosed()
		}
	}
	return nil
}
