package powertest

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Points says what [Every] has done.
type Points struct {
	Operations int            // of the disk that change something
	Kinds      map[string]int // recoveries, by the operation before which the power went
	Losing     int            // recoveries from a power loss with unsynced bytes
	Took       time.Duration
}

func (p Points) String() string {
	var kinds []string
	all := 0
	for _, kind := range slices.Sorted(maps.Keys(p.Kinds)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, p.Kinds[kind]))
		all += p.Kinds[kind]
	}
	return fmt.Sprintf("%d operations, %d recoveries (%s), %d of them from a power loss with unsynced bytes; %.1f s", p.Operations, all, strings.Join(kinds, ", "), p.Losing, p.Took.Seconds())
}

// Every cuts the power of a new node before every single operation that changes
// its disk, from the first one on until it is closed, each time with none, half
// and all of what was not synced, and recovers from each. The node does so many
// steps.
func Every(ctx context.Context, seed uint64, steps int) (Points, []Violation) {
	begun := time.Now()
	r := new(run)
	points := Points{Kinds: map[string]int{}}
	l := newLife(seed, nil, always)
	r.note(seed, l, l.live(ctx, 1, steps))
	points.Operations = int(l.operations.Load())
	var mu sync.Mutex
	var running sync.WaitGroup
	work := make(chan *moment)
	for range 4 * runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for m := range work {
				again := newLife(seed, m, never)
				r.note(seed, again, again.live(ctx, 1, 0))
				mu.Lock()
				points.Kinds[m.kind]++
				if m.unsynced > 0 {
					points.Losing++
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range l.take() {
		work <- m
	}
	close(work)
	running.Wait()
	points.Took = time.Since(begun)
	return points, r.broken
}
