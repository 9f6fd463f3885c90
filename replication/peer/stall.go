package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// stallBytes is the progress that a message must make within StallMax.
const stallBytes = 64 << 10

// incoming is an accepted connection of Raft's: requests come in, one answer
// goes out for each.
//
// Reading, it is in one of two states. It rests from an answer written to the
// first byte of the next request: Raft pools connections, so that may take any
// time. In between it may wait StallMax for every 64 KiB, all the waits added
// up; time that Raft spends without reading (its own disk is slow) is not
// counted. Once that is used up, the connection is closed and stays broken,
// since Raft tries to read the rest of a broken-off snapshot once more.
type incoming struct {
	net.Conn
	stallMax time.Duration
	closed   func()
	once     sync.Once

	// Owned by whoever reads the current request. Raft hands that on (its
	// connection's goroutine, its main goroutine for a snapshot, and back)
	// over channels, so no lock is needed.
	resting bool
	left    time.Duration // waiting that is still allowed
	bytes   int           // read since left was full
	broken  error
}

func (c *incoming) Read(p []byte) (int, error) {
	if c.broken != nil {
		return 0, c.broken
	}
	if c.resting {
		if err := c.Conn.SetReadDeadline(time.Time{}); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.resting, c.left, c.bytes = false, c.stallMax, n
		}
		return n, err
	}
	start := time.Now()
	if err := c.Conn.SetReadDeadline(start.Add(c.left)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.left -= time.Since(start)
	if c.bytes += n; c.bytes >= stallBytes {
		c.left, c.bytes = c.stallMax, 0
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || (err == nil && c.left <= 0) {
		c.broken = fmt.Errorf("the request from %s stalled: less than %d KiB within %v; the connection is closed", c.RemoteAddr(), stallBytes>>10, c.stallMax)
		_ = c.Close()
		return n, c.broken
	}
	return n, err
}

func (c *incoming) Write(p []byte) (int, error) {
	c.resting = true
	return writeSteadily(c.Conn, p, c.stallMax, time.Time{})
}

func (c *incoming) Close() error {
	c.once.Do(func() { c.closed() })
	return c.Conn.Close()
}

// outgoing is a connection that Raft dialled. Raft sets deadlines, but the one
// for a snapshot grows with its size to hours; so each 64 KiB must also leave
// within StallMax.
type outgoing struct {
	net.Conn
	stallMax time.Duration
	closed   func()
	once     sync.Once

	mu       sync.Mutex
	deadline time.Time // Raft's, for writing
}

func (c *outgoing) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *outgoing) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetWriteDeadline(t)
}

func (c *outgoing) Write(p []byte) (int, error) {
	c.mu.Lock()
	until := c.deadline
	c.mu.Unlock()
	return writeSteadily(c.Conn, p, c.stallMax, until)
}

func (c *outgoing) Close() error {
	c.once.Do(func() { c.closed() })
	return c.Conn.Close()
}

// writeSteadily writes p in pieces, each within stallMax, all before until
// (zero: no limit).
func writeSteadily(conn net.Conn, p []byte, stallMax time.Duration, until time.Time) (int, error) {
	written := 0
	for {
		piece := p[written:min(len(p), written+stallBytes)]
		deadline := time.Now().Add(stallMax)
		if !until.IsZero() && until.Before(deadline) {
			deadline = until
		}
		if err := conn.SetWriteDeadline(deadline); err != nil {
			return written, err
		}
		n, err := conn.Write(piece)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}
