package peertest

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// windowBytes is how much may be under way on a pipe.
const windowBytes = 256 << 10

// pipe is one direction of a connection.
type pipe struct {
	sim  *Sim
	link link

	mu     sync.Mutex
	cond   sync.Cond
	queue  []segment
	bytes  int  // in queue
	ended  bool // the writer has closed; the end is the last segment
	broken bool // the reader has closed, or the connection was reset

	readUntil, writeUntil limit
}

// segment arrives at a time; without data it is the end.
type segment struct {
	at   time.Time
	data []byte
}

// limit is a deadline, and the timer that wakes those who wait for it.
type limit struct {
	at    time.Time
	timer *time.Timer
}

func (l *limit) passed() bool { return !l.at.IsZero() && !time.Now().Before(l.at) }

func newPipe(s *Sim, l link) *pipe {
	p := &pipe{sim: s, link: l}
	p.cond.L = &p.mu
	return p
}

func (p *pipe) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cond.Broadcast()
}

func (p *pipe) setLimit(l *limit, t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.at = t
	if !t.IsZero() {
		l.timer = time.AfterFunc(time.Until(t), p.wake)
	}
	p.cond.Broadcast()
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.broken:
			return 0, syscall.ECONNRESET
		case p.readUntil.passed():
			return 0, os.ErrDeadlineExceeded
		}
		if len(p.queue) > 0 && !p.sim.isCut(p.link) {
			wait := time.Until(p.queue[0].at)
			if wait <= 0 {
				return p.take(b)
			}
			timer := time.AfterFunc(wait, p.wake)
			p.cond.Wait()
			timer.Stop()
			continue
		}
		p.cond.Wait()
	}
}

// take reads from the first segment. The caller holds mu.
func (p *pipe) take(b []byte) (int, error) {
	first := &p.queue[0]
	if first.data == nil {
		return 0, io.EOF
	}
	n := copy(b, first.data)
	first.data = first.data[n:]
	if len(first.data) == 0 {
		p.queue = p.queue[1:]
	}
	p.bytes -= n
	p.cond.Broadcast()
	return n, nil
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for written < len(b) {
		switch {
		case p.broken:
			return written, syscall.EPIPE
		case p.ended:
			return written, net.ErrClosed
		case p.writeUntil.passed():
			return written, os.ErrDeadlineExceeded
		case p.bytes == windowBytes:
			p.cond.Wait()
			continue
		}
		n := min(len(b)-written, windowBytes-p.bytes)
		data := append(make([]byte, 0, n), b[written:written+n]...)
		p.queue = append(p.queue, segment{time.Now().Add(p.sim.delayOf(p.link)), data})
		p.bytes += n
		written += n
		p.cond.Broadcast()
	}
	return written, nil
}

// end lets the reader read what is under way and then the end.
func (p *pipe) end() {
	p.mu.Lock()
	if !p.ended {
		p.ended = true
		p.queue = append(p.queue, segment{at: time.Now().Add(p.sim.delayOf(p.link))})
	}
	p.cond.Broadcast()
	p.mu.Unlock()
	p.sim.forget(p)
}

// reset drops what is under way; both sides get errors.
func (p *pipe) reset() {
	p.mu.Lock()
	p.broken = true
	p.queue, p.bytes = nil, 0
	p.cond.Broadcast()
	p.mu.Unlock()
	p.sim.forget(p)
}

// conn is one end of a connection.
type conn struct {
	read, write   *pipe
	local, remote address

	closed atomic.Bool
}

func (c *conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := c.read.read(b)
	if err != nil && c.closed.Load() {
		err = net.ErrClosed
	}
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.write.write(b)
	if err != nil && c.closed.Load() {
		err = net.ErrClosed
	}
	return n, err
}

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.write.end()
	c.read.reset()
	c.read.setLimit(&c.read.readUntil, time.Time{})
	c.write.setLimit(&c.write.writeUntil, time.Time{})
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	c.read.setLimit(&c.read.readUntil, t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	c.write.setLimit(&c.write.writeUntil, t)
	return nil
}
