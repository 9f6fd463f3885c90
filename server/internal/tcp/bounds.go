package tcp

import (
	"context"
	"sync/atomic"
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
