package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// watch is a consumer: a subscription that runs beside the operations, is left
// and begun again behind what it keeps for its checkpoint, and is held against
// the guarantees in the end.
type watch struct {
	cancel context.CancelFunc // of the connection under way
	done   chan struct{}      // closed when that has ended

	mu    sync.Mutex
	heard check.Heard   // by all connections
	ended error         // of the connection under way
	more  chan struct{} // signals that something was heard, or the end
}

// connect subscribes, behind what is kept, and returns once the first message
// has come: so it is known what was committed before.
func (w *watch) connect(ctx context.Context, s firn.Store, head firn.Position) error {
	w.mu.Lock()
	q := w.heard.Resume(head)
	kept := len(w.heard.Messages)
	w.ended = nil
	w.mu.Unlock()

	ctx, w.cancel = context.WithCancel(ctx)
	w.done = make(chan struct{})
	go w.listen(s.Subscribe(ctx, q))
	return w.await(func() bool { return len(w.heard.Messages) > kept || w.ended != nil })
}

func (w *watch) listen(messages func(func(firn.Message, error) bool)) {
	defer close(w.done)
	for m, err := range messages {
		w.mu.Lock()
		if err != nil {
			w.ended = err
		} else {
			w.heard.Messages = append(w.heard.Messages, m)
		}
		w.mu.Unlock()
		select {
		case w.more <- struct{}{}:
		default:
		}
	}
}

// leave ends the connection under way.
func (w *watch) leave() {
	w.cancel()
	<-w.done
}

// await waits until something holds, which is asked under mu.
func (w *watch) await(holds func() bool) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		w.mu.Lock()
		held := holds()
		w.mu.Unlock()
		if held {
			return nil
		}
		select {
		case <-w.more:
		case <-timer.C:
			return fmt.Errorf("%s heard nothing more in %v", &w.heard, patience)
		}
	}
}

// lost reports whether the connection has ended with the node, which is no
// fault: a consumer begins again.
func (w *watch) lost() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Is(w.ended, firn.ErrUnavailable)
}

// catchUp waits until the watch has been told of everything up to the head, or
// was refused.
func (w *watch) catchUp(head firn.Position) error {
	return w.await(func() bool {
		n := len(w.heard.Messages)
		return w.ended != nil || n > 0 && w.heard.At(n-1) >= head
	})
}
