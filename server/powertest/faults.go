package powertest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultReport says what [Faults] has done.
type FaultReport struct {
	Parts  int // of the workload
	Points map[Point]int
	Took   time.Duration
}

// Point is a sort of single fault, and how the node took it.
type Point struct {
	Operation string // "write", "sync", …
	Fault     string // "error" or "short write"
	Outcome   string // "stopped" or "went on"
}

// Total counts all points.
func (r FaultReport) Total() (n int) {
	for _, count := range r.Points {
		n += count
	}
	return n
}

func (r FaultReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d points in %d parts, %.1f s", r.Total(), r.Parts, r.Took.Seconds())
	points := make([]Point, 0, len(r.Points))
	for p := range r.Points {
		points = append(points, p)
	}
	slices.SortFunc(points, func(a, b Point) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, p := range points {
		fmt.Fprintf(&b, "\n%-16s %-12s %-14s %6d", p.Operation, p.Fault, p.Outcome, r.Points[p])
	}
	return b.String()
}

// faultSteps is how much a client does in each part of the workload.
const faultSteps = 26

// Faults lets a node live through so many parts of a workload, each as often as
// it makes changes in the directory of its Raft log while it runs: in each of
// these lives another one fails, or of a write only half is done. A part is a new
// node that works, sheds the beginning of its log, is closed, started again and
// works on. A write or a sync that fails must end the node, and nothing may be
// acknowledged after it; whatever fails, what was acknowledged must be there when
// a node is started on what is left, also after a power loss on top.
//
// Of the changes only each stride-th is made to fail.
func Faults(ctx context.Context, seed uint64, parts, stride int) (FaultReport, []Violation) {
	f := &faultRun{stride: uint64(stride), report: FaultReport{Parts: parts, Points: map[Point]int{}}}
	begun := time.Now()
	for part := range parts {
		f.part(ctx, seed+uint64(part))
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

func (f *faultRun) part(ctx context.Context, seed uint64) {
	f.next, f.over = 0, false
	var running sync.WaitGroup
	for range 6 * runtime.GOMAXPROCS(0) { // most of them wait
		running.Go(func() {
			for {
				f.mu.Lock()
				f.next += f.stride
				k, over := f.next, f.over || len(f.broken) >= violations || ctx.Err() != nil
				f.mu.Unlock()
				if over {
					return
				}
				if f.point(ctx, seed, k, fails).kind == "write" {
					f.point(ctx, seed, k, short)
				}
			}
		})
	}
	running.Wait()
}

// restart starts a node on what was left, and holds it against what was known.
func (f *faultRun) restart(ctx context.Context, seed uint64, after string, m *moment) {
	err := newLife(seed, m, never).live(ctx, 1, 0)
	if err != nil && !stalled(err) {
		f.violation(seed, after, err)
	}
}

// close closes a node that has failed, beside everything else: it waits for
// seconds for what may never end.
func (f *faultRun) close(n *node) { f.closing.Go(func() { _ = n.Close() }) }

func (f *faultRun) count(p Point) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Points[p]++
}

func (f *faultRun) violation(seed uint64, after string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = append(f.broken, Violation{seed, after, err})
}

// point lets the k-th operation fail, and returns it.
func (f *faultRun) point(ctx context.Context, seed, k uint64, kind fault) operation {
	l, h := newLife(seed, nil, never), &hit{at: k, kind: kind}
	l.disk.before = h.before
	outcome, left, err := l.reference(ctx, h, f.close)
	struck, _ := h.struck()
	if struck.kind == "" {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.over = true
		return struck
	}
	name := "error"
	if kind == short && struck.kind == "write" {
		name = "short write"
	}
	after := fmt.Sprintf("operation %d, %s %s, ended with: %s; the node %s", k, struck.kind, struck.path, name, outcome)
	if err != nil {
		f.violation(seed, after, err)
	}
	// What is left must be sound for a process that is started again, and after a
	// power loss on top of it.
	for _, m := range left {
		f.restart(ctx, seed, after+"; "+m.String(), m)
	}
	f.count(Point{struck.kind, name, outcome})
	return struck
}
