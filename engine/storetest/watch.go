package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// watch is a consumer: a subscription that runs beside the operations, is left
// and begun again behind what it keeps for its checkpoint, and is held against
// the guarantees in the end.
type watch struct {
	q     firn.Query
	start firn.Position // the first position that it asks for

	cancel context.CancelFunc // of the connection under way
	done   chan struct{}      // closed when that has ended

	mu          sync.Mutex
	heard       []firn.Message // by all connections
	connections []connection
	ended       error         // of the connection under way
	more        chan struct{} // signals that something was heard, or the end
}

// connection is one call of Subscribe.
type connection struct {
	from int           // index in watch.heard
	head firn.Position // what was committed when it was opened
}

// connect subscribes, behind what is kept, and returns once the first message
// has come: so it is known what was committed before.
func (w *watch) connect(ctx context.Context, s firn.Store, head firn.Position) error {
	w.mu.Lock()
	q, kept := w.q, w.keep()
	if kept > 0 {
		q.From, q.History = firn.PositionPoint(w.heardAt(kept-1)+1), historyIn(w.heard)
	}
	w.heard = w.heard[:kept]
	w.connections = append(w.connections, connection{from: kept, head: head})
	w.ended = nil
	w.mu.Unlock()

	ctx, w.cancel = context.WithCancel(ctx)
	w.done = make(chan struct{})
	go w.listen(s.Subscribe(ctx, q))
	return w.await(func() bool { return len(w.heard) > kept || w.ended != nil })
}

func (w *watch) listen(messages func(func(firn.Message, error) bool)) {
	defer close(w.done)
	for m, err := range messages {
		w.mu.Lock()
		if err != nil {
			w.ended = err
		} else {
			w.heard = append(w.heard, m)
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

// keep returns how many messages a consumer keeps that is begun again: all up
// to the last one behind which it can go on.
func (w *watch) keep() int {
	for n := len(w.heard); n > 0; n-- {
		if m := &w.heard[n-1]; m.Mark != nil || m.Event.AppendEnd() {
			return n
		}
	}
	return 0
}

// heardAt returns the position that message n speaks of.
func (w *watch) heardAt(n int) firn.Position {
	if m := &w.heard[n]; m.Mark != nil {
		return m.Mark.At
	}
	return w.heard[n].Event.Position
}

// historyIn returns the history that the marks name, zero where there is none.
func historyIn(messages []firn.Message) firn.ID {
	for _, m := range messages {
		if m.Mark != nil {
			return m.Mark.History
		}
	}
	return firn.ID{}
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
			return fmt.Errorf("%s heard nothing more in %v", w, patience)
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
		n := len(w.heard)
		return w.ended != nil || n > 0 && w.heardAt(n-1) >= head
	})
}

func (w *watch) String() string {
	return fmt.Sprintf("the subscription to %s from %d, system %t", target(w.q), w.start, w.q.System)
}
