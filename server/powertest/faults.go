package powertest

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// faultSteps is how much a client does in each part of the workload.
const faultSteps = 26

// atOnce is how many nodes live at a time; most of them wait.
const atOnce = 32

// Faults lets a node live through so many parts of a workload, each as often as
// it makes operations on its disk, from its first start until it is closed for
// the second time: in each of these lives another operation fails. A part is a new
// node that works, sheds the beginning of its log, is closed, started again and
// works on.
//
// What fails says EIO, or ENOSPC where it would take space, in turns; each write
// also ends half done. And at each operation that changes something the power is
// lost. A fault must end in an error of the start or of Close, or in the end of
// the node, or do no harm: no panic, nothing that waits for ever, no answer that
// is not true. A write or a sync of the Raft log or of the store that fails must
// end the node, and nothing may be acknowledged after it. Whatever fails, what was
// acknowledged must be there when a node is started on what is left, also after a
// power loss on top. Left alone is the Raft log while it is opened.
//
// Of the operations only each stride-th is made to fail.
func Faults(ctx context.Context, seed uint64, parts, stride int) (FaultReport, []Violation) {
	f := &faultRun{stride: uint64(stride), report: FaultReport{Parts: parts, Points: map[Point]int{}}}
	begun := time.Now()
	for part := range parts {
		seed := seed + uint64(part)
		f.cuts(ctx, seed)
		f.each(ctx, seed, operation.changes)
		f.each(ctx, seed, func(o operation) bool { return !o.changes() })
	}
	f.closing.Wait()
	f.report.Took = time.Since(begun)
	return f.report, f.broken
}

// faultRun is what the workers of Faults share.
type faultRun struct {
	closing sync.WaitGroup
	stride  uint64

	// guarded by mu
	mu     sync.Mutex
	report FaultReport
	broken []Violation
	next   uint64 // the operation that fails next
	over   bool   // there are not so many operations
}

// each lets each operation of a sort fail.
func (f *faultRun) each(ctx context.Context, seed uint64, of func(operation) bool) {
	f.next, f.over = 0, false
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for {
				f.mu.Lock()
				f.next += f.stride
				k, over := f.next, f.over || len(f.broken) >= violations || ctx.Err() != nil
				f.mu.Unlock()
				if over {
					return
				}
				kind := fails
				if (seed+k/f.stride)%2 == 0 {
					kind = full
				}
				if f.point(ctx, seed, &hit{of: of, at: k, kind: kind}).kind == "write" {
					f.point(ctx, seed, &hit{of: of, at: k, kind: short})
				}
			}
		})
	}
	running.Wait()
}

// cuts loses the power at every operation of one life that changes something.
func (f *faultRun) cuts(ctx context.Context, seed uint64) {
	l := newLife(seed, nil, always)
	l.stride = f.stride
	outcome, _, err := l.reference(ctx, &hit{of: operation.changes}, f.closer(seed))
	if err != nil || outcome != wentOn {
		f.violation(seed, "no fault at all; the node "+outcome, err)
		return
	}
	work := make(chan *moment)
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for m := range work {
				f.restart(ctx, seed, m.String(), m)
				f.count(m.operation, "power loss", "recovered")
			}
		})
	}
	for i, m := range l.take() {
		if i%3 == i/3%3 { // another share of what was not synced each time
			work <- m
		}
	}
	close(work)
	running.Wait()
}

// point lets one operation of a life fail, and returns it.
func (f *faultRun) point(ctx context.Context, seed uint64, h *hit) operation {
	l := newLife(seed, nil, never)
	l.disk.before = h.before
	outcome, left, err := l.reference(ctx, h, f.closer(seed))
	struck, _ := h.struck()
	if struck.kind == "" {
		known := l.journal.known()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.over = f.over || known.told == known.asked // it was lived to its end
		return struck
	}
	name := h.kind.of(struck.kind).name()
	after := fmt.Sprintf("operation %d, %s %s, ended with: %s; the node %s", h.at, struck.kind, struck.path, name, outcome)
	if err != nil {
		f.violation(seed, after, err)
	}
	// What is left must be sound for a process that is started again, and after a
	// power loss on top of it.
	for _, m := range left {
		f.restart(ctx, seed, after+"; "+m.String(), m)
	}
	f.count(struck, name, outcome)
	return struck
}

// restart starts a node on what was left, and holds it against what was known.
func (f *faultRun) restart(ctx context.Context, seed uint64, after string, m *moment) {
	err := newLife(seed, m, never).live(ctx, 1, 0)
	if err != nil && !stalled(err) {
		f.violation(seed, after, err)
	}
}

// closer closes a node that has failed, beside everything else: it waits for
// seconds for what may never end.
func (f *faultRun) closer(seed uint64) func(*node) {
	return func(n *node) {
		f.closing.Go(func() {
			if err := broken(ends("Close", n.Close)); err != nil {
				f.violation(seed, fmt.Sprintf("the node failed: %v", n.Err()), err)
			}
		})
	}
}

func (f *faultRun) count(o operation, fault, outcome string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Points[Point{place(o.path), o.kind, fault, outcome}]++
}

func (f *faultRun) violation(seed uint64, after string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = append(f.broken, Violation{seed, after, err})
}
