package bench

import (
	"context"
	"sync/atomic"
	"time"
)

// pace says when the clients of a stretch make their calls: each as soon as its
// one before is answered, or, where calls arrive at a rate, whoever is free the
// next one when it is due. A call's latency begins when it was due, so that a
// store which stands still for a second has made all that came meanwhile wait,
// and not only one call a client.
type pace struct {
	start, stop time.Time
	interval    time.Duration // between two calls that arrive; 0: they do not
	arrived     atomic.Int64
}

// dueness says what becomes of a client's next call.
type dueness int

const (
	callNow     dueness = iota // it is to be made
	callTooLate                // it was due, but the stretch is over
	callNever                  // there is none
)

func newPace(s stretch) *pace {
	p := &pace{start: time.Now()}
	p.stop = p.start.Add(s.duration)
	if s.arrivals > 0 {
		p.interval = time.Second / time.Duration(s.arrivals)
	}
	return p
}

// next waits until a client's next call is due and returns that moment. Where
// calls do not arrive, a client calls once however late it comes to it, so that a
// short stretch on a busy machine has a figure too.
func (p *pace) next(ctx context.Context, first bool) (time.Time, dueness) {
	if ctx.Err() != nil {
		return time.Time{}, callNever
	}
	t := time.Now()
	if p.interval == 0 {
		if !first && !t.Before(p.stop) {
			return t, callNever
		}
		return t, callNow
	}
	n := p.arrived.Add(1) - 1
	due := p.start.Add(time.Duration(n) * p.interval)
	switch {
	case n > 0 && !due.Before(p.stop):
		return due, callNever
	case n > 0 && !t.Before(p.stop):
		return due, callTooLate
	case due.After(t):
		due = waitUntil(ctx, due)
	}
	return due, callNow
}

// timerSlack is how late a timer may be without it being the store's doing.
const timerSlack = 2 * time.Millisecond

// waitUntil returns when it is due, or when the context ends. What it returns is
// the moment at which a timer that was late within reason let go.
func waitUntil(ctx context.Context, due time.Time) time.Time {
	select {
	case <-time.After(time.Until(due)):
	case <-ctx.Done():
	}
	if t := time.Now(); t.Sub(due) < timerSlack {
		return t
	}
	return due
}
