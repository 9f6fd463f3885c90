package server

import (
	"context"
	"errors"
	"sync"
	"time"
)

// closeTimeout bounds how long leadership may take to be handed on when a node
// is stopped, and then again calls in flight to finish. HTTP has less: what takes
// longer there is a read of much, or a connection on which nothing was asked.
const (
	closeTimeout     = 5 * time.Second
	httpCloseTimeout = time.Second
)

// handOnTries is how often leadership is offered: on a busy machine the next
// leader may not be elected in the time that it gets for it.
const handOnTries = 3

// Close stops the node: a leader hands its leadership on, calls in flight are
// answered, everything is flushed. It may be called once the node has failed.
func (n *Node) Close() error {
	n.mu.Lock()
	again := n.closing
	n.closing = true
	n.mu.Unlock()
	if again {
		return nil
	}
	n.cancel()
	n.handOn()
	n.shutDoors()
	n.running.Wait()
	var errs []error
	if r := n.use(nil); r != nil {
		errs = append(errs, r.close())
	}
	if n.peer != nil {
		errs = append(errs, n.peer.Close())
	}
	if n.dir != nil {
		errs = append(errs, n.dir.close())
	}
	return errors.Join(errs...)
}

// handOn gives leadership away while the door is still open, so that clients
// are told where to go instead of being cut off.
func (n *Node) handOn() {
	r, err := n.current()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for range handOnTries {
		if s := r.raft.Status(); s.Leader != n.config.ID || len(s.Nodes) == 1 {
			return
		}
		if err = r.raft.Transfer(ctx, ""); err == nil {
			return
		}
	}
	n.log.Warn("leadership was not handed on before stopping", "error", err)
}

// shutDoors lets nobody in any more. A client that does not take its answer in
// time is cut off, which is no fault of the node.
func (n *Node) shutDoors() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var shut sync.WaitGroup
	if n.http != nil {
		shut.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, httpCloseTimeout)
			defer cancel()
			if err := n.http.Close(ctx); err != nil {
				n.log.Info("HTTP connections were cut off", "error", err)
			}
		})
	}
	if n.door != nil {
		shut.Go(func() {
			if err := n.door.Close(ctx); err != nil {
				n.log.Info("calls in flight were cut off", "error", err)
			}
		})
	}
	shut.Wait()
}
