package powertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
)

// Report says what [Run] has done.
type Report struct {
	Recoveries int    // nodes that were started on what a power loss had left
	Losing     int    // of them, with bytes outstanding that had been written and not synced
	Kept       [3]int // of those, by how much of these bytes was kept: 0, 50, 100 %
	Starting   int    // of all, where the node was still recovering from a power loss before
	Deepest    int    // power losses in one node's past
	Worked     int    // of all, where the node then went on working
	Answers    int    // deeds that had been acknowledged and were looked for, over all recoveries
	Unknown    int    // deeds whose outcome nobody knew
	Repeated   int    // of them, asked again with the same ids
	Stalled    int    // lives ended by a watchdog, since the machine was too busy
	Took       time.Duration
}

func (r Report) String() string {
	return fmt.Sprintf("%d recoveries, %d of them from a power loss with unsynced bytes (kept 0/50/100 %%: %d/%d/%d), %d while starting, up to %d in one node's past, %d that worked on; %d acknowledged deeds looked for, %d of unknown outcome, %d of them asked again; %d stalled; %.1f s, %.0f recoveries/s",
		r.Recoveries, r.Losing, r.Kept[0], r.Kept[1], r.Kept[2], r.Starting, r.Deepest, r.Worked, r.Answers, r.Unknown, r.Repeated, r.Stalled, r.Took.Seconds(), float64(r.Recoveries)/r.Took.Seconds())
}

// Violation is a promise that a node has broken.
type Violation struct {
	Seed  uint64 // of the node's first life, see [Run]
	After string // the power losses before
	Err   error  // what is wrong; faults are package check's
}

func (v Violation) Error() string {
	return fmt.Sprintf("seed %d: %s: %v", v.Seed, v.After, v.Err)
}

// The sizes of a node's past.
const (
	rootSteps   = 90
	laterSteps  = 24
	treeMost    = 250 // recoveries from one first life
	violations  = 20  // after which there is no point in going on
	rareAtWork  = 9
	rareAtStart = 700
)

// Run cuts the power of nodes until so many recoveries have been made, and
// returns what was done and which promises were broken. The same seed makes the
// same choices; how goroutines meet them is up to the machine.
func Run(ctx context.Context, seed uint64, recoveries int) (Report, []Violation) {
	r := &run{left: recoveries, next: seed}
	begun := time.Now()
	var running sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) { // most of them wait for an election
		running.Go(func() { r.work(ctx) })
	}
	running.Wait()
	r.report.Took = time.Since(begun)
	return r.report, r.broken
}

// run is what the workers of Run share.
type run struct {
	mu     sync.Mutex
	left   int
	next   uint64 // seed of the next first life
	report Report
	broken []Violation
}

func (r *run) work(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		seed := r.next
		r.next++
		over := r.left <= 0 || len(r.broken) >= violations
		r.mu.Unlock()
		if over {
			return
		}
		r.tree(ctx, seed)
	}
}

// take takes one recovery of those that are still to be made.
func (r *run) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left--
	return r.left >= 0 && len(r.broken) < violations
}

// tree lets a node live, recovers it from the moments at which its power was
// lost, and from those at which it was lost in the lives that came of that.
func (r *run) tree(ctx context.Context, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 0))
	root := newLife(seed, nil, rareAtWork)
	r.note(seed, root, root.live(ctx, 1+dice.IntN(3), rootSteps))
	moments := root.take()
	for range treeMost {
		if len(moments) == 0 || ctx.Err() != nil || !r.take() {
			return
		}
		i := dice.IntN(len(moments))
		m := moments[i]
		moments[i] = moments[len(moments)-1]
		moments = moments[:len(moments)-1]
		l, steps := newLife(dice.Uint64(), m, rareAtStart), 0
		if dice.IntN(24) == 0 {
			l.rare, steps = rareAtWork, laterSteps
		}
		r.recovery(l, steps)
		r.note(seed, l, l.live(ctx, 1+dice.IntN(2), steps))
		moments = append(moments, l.take()...)
	}
}

// recovery counts one.
func (r *run) recovery(l *life, steps int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, m := &r.report, l.moment
	c.Recoveries++
	if m.unsynced > 0 {
		c.Losing++
		c.Kept[m.kept/50]++
	}
	if m.opening {
		c.Starting++
	}
	if steps > 0 {
		c.Worked++
	}
	c.Answers += m.known.told
	c.Unknown += len(l.unknown)
	for _, d := range l.unknown {
		if d.repeats() {
			c.Repeated++
		}
	}
	depth := 0
	for at := m; at != nil; at = at.from.moment {
		depth++
	}
	c.Deepest = max(c.Deepest, depth)
}

// note keeps what a life has shown.
func (r *run) note(seed uint64, l *life, err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if stalled(err) {
		r.report.Stalled++
		return
	}
	after := "the first life"
	if l.moment != nil {
		after = l.moment.String()
	}
	r.broken = append(r.broken, Violation{seed, after, err})
}
