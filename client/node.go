package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// node is one address and the connection to it, made when it is needed.
type node struct {
	client  *Client // read only
	address string  // read only

	mu      sync.Mutex
	conn    *conn         // nil: none
	dialing chan struct{} // closed when the attempt under way is over; nil: none is
	failed  error         // why the last attempt failed
	pause   time.Duration // grows with each failure
	rest    time.Time     // until then no further attempt is made
}

const (
	pauseMin = 5 * time.Millisecond
	pauseMax = 200 * time.Millisecond
)

// jittered spreads callers that fail together over half to all of the pause.
func jittered(pause time.Duration) time.Duration {
	return pause/2 + rand.N(pause/2+1)
}

// usable returns the connection if there is one that takes calls.
func (n *node) usable() *conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.usableLocked()
}

func (n *node) usableLocked() *conn {
	if n.conn != nil && !n.conn.takesCalls() {
		n.conn = nil
	}
	return n.conn
}

// connect returns the connection, after making one if need be. Callers share
// one attempt; after a failure the reason is repeated for a moment rather than
// the attempt.
func (n *node) connect(ctx context.Context) (*conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		if c := n.usableLocked(); c != nil {
			return c, nil
		}
		if n.client.ctx.Err() != nil {
			return nil, errClosed
		}
		if n.dialing == nil {
			if n.failed != nil && time.Now().Before(n.rest) {
				return nil, n.failed
			}
			n.dialing = make(chan struct{})
			go n.dial()
		}
		over := n.dialing
		n.mu.Unlock()
		select {
		case <-over:
		case <-ctx.Done():
			n.mu.Lock()
			return nil, ctx.Err()
		}
		n.mu.Lock()
		if n.conn == nil && n.dialing == nil && n.failed != nil {
			return nil, n.failed
		}
	}
}

// dial makes one attempt, whose outcome is for all who wait for it.
func (n *node) dial() {
	ctx, cancel := context.WithTimeout(n.client.ctx, n.client.o.DialTimeout)
	defer cancel()
	c, err := open(ctx, n.client, n.address)
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.dialing)
	n.dialing = nil
	if err != nil {
		if n.client.ctx.Err() == nil && ctx.Err() != nil {
			err = fmt.Errorf("no answer within %v: %w", n.client.o.DialTimeout, err)
		}
		n.failed = err
		n.pause = min(max(2*n.pause, pauseMin), pauseMax)
		n.rest = time.Now().Add(jittered(n.pause))
		return
	}
	if n.client.ctx.Err() != nil { // closed in the meantime
		c.fail(errClosed)
		n.failed = errClosed
		return
	}
	n.conn, n.failed, n.pause = c, nil, 0
	if n.client.leader.Load() == nil {
		n.client.leaderIs(c.welcome.Leader)
	}
}

func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil {
		n.conn.fail(errClosed)
	}
}
