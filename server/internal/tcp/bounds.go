package tcp

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// budget bounds a number of bytes in use.
type budget struct {
	max  int64
	used atomic.Int64
}

func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) > b.max {
		b.give(n)
		return false
	}
	return true
}

func (b *budget) give(n int) { b.used.Add(int64(-n)) }

func (b *budget) over() bool { return b.used.Load() > b.max }

// A client that stalls holds memory: of the frame that it has begun to send, or
// of the answers that it does not take. As long as there is enough, it has the
// door's whole patience. When there is none left, those that have stalled for
// longest are cut off, so that they do no harm to the others.
const (
	stalledAfter = time.Second
	reliefPause  = 10 * time.Millisecond // between two looks for somebody to cut off
	reliefMax    = 200 * time.Millisecond
)

// relief is for one who looks for memory at a time.
type relief struct {
	mu   sync.Mutex
	last time.Time
}

// lack is of what there is too little.
type lack struct {
	missing int64
	since   func(*conn, time.Time) time.Duration // for how long a connection has stalled
	holds   func(*conn) int64                    // what it holds meanwhile
	cut     func(*conn)
}

// relieve cuts off who has stalled, longest first, until what they held is as
// much as is missing.
func (s *Server) relieve(r *relief, l lack) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.last) < reliefPause {
		return
	}
	r.last = now
	type stalled struct {
		conn  *conn
		since time.Duration
	}
	var all []stalled
	for _, c := range s.snapshot() {
		if d := l.since(c, now); d >= stalledAfter && l.holds(c) > 0 {
			all = append(all, stalled{c, d})
		}
	}
	slices.SortFunc(all, func(a, b stalled) int { return cmp.Compare(b.since, a.since) })
	for _, a := range all {
		if l.missing <= 0 {
			return
		}
		l.missing -= l.holds(a.conn)
		s.o.Logger.Warn("cutting off a client that has stalled: its memory is needed", "remote", a.conn.nc.RemoteAddr(), "for", a.since)
		l.cut(a.conn)
	}
}

// takeIncoming takes bytes for a request out of the budget, if need be from
// somebody who has begun one and does not go on.
func (s *Server) takeIncoming(n int) bool {
	for end := time.Now().Add(reliefMax); ; time.Sleep(reliefPause) {
		if s.bytes.take(n) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
		s.relieve(&s.reliefIn, lack{
			missing: int64(n),
			since:   (*conn).arriving,
			holds:   func(c *conn) int64 { return c.holds.Load() },
			cut:     func(c *conn) { go c.cutOff() },
		})
	}
}

// awaitOutgoing waits until there is memory for answers, if need be that of
// somebody who does not take them.
func (s *Server) awaitOutgoing(ctx context.Context) error {
	for s.sending.over() {
		s.relieve(&s.reliefOut, lack{
			missing: s.sending.used.Load() - s.sending.max,
			since:   func(c *conn, now time.Time) time.Duration { return c.out.Stuck(now) },
			holds:   func(c *conn) int64 { return c.out.Held() },
			cut:     (*conn).close,
		})
		select {
		case <-time.After(reliefPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// workers runs jobs, each on a goroutine of its own. Goroutines that have
// finished wait for another job, since their stacks have grown to what a call
// needs.
type workers struct {
	ctx  context.Context // ends the waiting ones
	jobs chan job        // unbuffered: a job is taken by one who waits, or by a new one
	idle atomic.Int32
}

// idleMax bounds the goroutines that wait.
const idleMax = 512

func (w *workers) init(ctx context.Context) { w.ctx, w.jobs = ctx, make(chan job) }

func (w *workers) run(j job) {
	select {
	case w.jobs <- j:
	default:
		go w.work(j)
	}
}

func (w *workers) work(j job) {
	for {
		j.do()
		if w.idle.Add(1) > idleMax {
			w.idle.Add(-1)
			return
		}
		select {
		case j = <-w.jobs:
			w.idle.Add(-1)
		case <-w.ctx.Done():
			return
		}
	}
}
