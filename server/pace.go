package server

import (
	"context"
	"time"

	"github.com/firndb/firn/internal/sleep"
)

// pace bounds how fast something is read.
type pace struct {
	ctx  context.Context
	rate uint64    // bytes a second; 0: not bounded
	next time.Time // when more may be read
}

// paceGrain is the shortest wait: small reads add up to one, for a timer each
// would cost more than they do.
const paceGrain = 10 * time.Millisecond

// read waits until these bytes may have been read. Time that was not used is
// not made up for.
func (p *pace) read(bytes int) error {
	if p.rate == 0 {
		return context.Cause(p.ctx)
	}
	if now := time.Now(); p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(float64(bytes) / float64(p.rate) * float64(time.Second)))
	left := time.Until(p.next)
	if left < paceGrain {
		return context.Cause(p.ctx)
	}
	return sleep.For(p.ctx, left)
}
