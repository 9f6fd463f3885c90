package bench

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// call is one thing that a client does and waits for. It reports the events
// that it moved to lap, once or (a long one) in pieces, each of which becomes a
// latency; where lap answers false the run is over, and the call ends early.
type call func(ctx context.Context, lap func(events int) (goOn bool)) error

const (
	callTimeout   = 30 * time.Second       // past the end of a run; then what still hangs is an error
	errorPause    = 10 * time.Millisecond  // so that a store that refuses at once is not stormed
	progressEvery = 250 * time.Millisecond // while somebody looks
	shardsMax     = 16
	latencyMax    = int64(5 * time.Minute)
)

// measured is what a number of clients did in a stretch of time.
type measured struct {
	events    int64
	errors    int64
	lastError error
	latencies *hdrhistogram.Histogram // ns, of the calls that succeeded
	elapsed   time.Duration
}

func (m *measured) perS() float64 {
	if m.elapsed <= 0 {
		return 0
	}
	return float64(m.events) / m.elapsed.Seconds()
}

// newLatencies returns a histogram of nanoseconds with three digits. It takes
// about 230 KB, which is why clients share them.
func newLatencies() *hdrhistogram.Histogram { return hdrhistogram.New(1, latencyMax, 3) }

// shard is what some of the clients have done.
type shard struct {
	mu sync.Mutex
	measured
}

func (s *shard) add(events int, latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events += int64(events)
	s.latencies.RecordValue(min(int64(latency), latencyMax))
}

func (s *shard) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors++
	s.lastError = err
}

// drive lets the clients call again and again for the duration. A call under
// way at its end is waited for and counted, in events and in time. report, where
// it is not nil, is told the events per second so far, at the start and while it
// goes on.
func drive(ctx context.Context, d time.Duration, clients int, newCall func(client int) call, report func(perS float64)) measured {
	shards := newShards(clients)
	calls := make([]call, clients)
	for i := range calls {
		calls[i] = newCall(i)
	}

	stop := time.Now().Add(d)
	ctx, cancel := context.WithDeadline(ctx, stop.Add(callTimeout))
	defer cancel()
	elapsed := reporting(shards, report, func() {
		var wg sync.WaitGroup
		for i, do := range calls {
			wg.Go(func() { repeat(ctx, stop, do, &shards[i%len(shards)]) })
		}
		wg.Wait()
	})
	return sum(shards, elapsed)
}

// newShards returns what so many clients share.
func newShards(clients int) []shard {
	shards := make([]shard, min(clients, shardsMax))
	for i := range shards {
		shards[i].latencies = newLatencies()
	}
	return shards
}

// reporting does something and returns how long that took; meanwhile report,
// where it is not nil, is told how the shards fill.
func reporting(shards []shard, report func(perS float64), do func()) time.Duration {
	start := time.Now()
	if report != nil {
		finished := make(chan struct{})
		reporter := sync.WaitGroup{}
		reporter.Go(func() { reportProgress(finished, start, shards, report) })
		defer reporter.Wait()
		defer close(finished)
	}
	do()
	return time.Since(start)
}

// sum returns what all shards have, once nobody changes them any more.
func sum(shards []shard, elapsed time.Duration) measured {
	all := total(shards)
	all.elapsed = elapsed
	all.latencies = newLatencies()
	for i := range shards {
		all.latencies.Merge(shards[i].latencies)
	}
	return all
}

// repeat is one client. It calls once however late it comes to it, so that a
// short stretch on a busy machine has a figure too.
func repeat(ctx context.Context, stop time.Time, do call, s *shard) {
	begin := time.Now()
	lap := func(events int) bool {
		now := time.Now()
		s.add(events, now.Sub(begin))
		begin = now
		return now.Before(stop)
	}
	for first := true; (first || begin.Before(stop)) && ctx.Err() == nil; first = false {
		if err := do(ctx, lap); err != nil {
			s.fail(err)
			select {
			case <-time.After(errorPause):
			case <-ctx.Done():
			}
			begin = time.Now()
		}
	}
}

func reportProgress(finished <-chan struct{}, start time.Time, shards []shard, report func(perS float64)) {
	report(0) // that it has begun
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			return
		case <-tick.C:
			now := total(shards)
			now.elapsed = time.Since(start)
			report(now.perS())
		}
	}
}

// total adds the shards up, apart from the latencies.
func total(shards []shard) measured {
	var all measured
	for i := range shards {
		s := &shards[i]
		s.mu.Lock()
		all.events += s.events
		all.errors += s.errors
		if s.lastError != nil {
			all.lastError = s.lastError
		}
		s.mu.Unlock()
	}
	return all
}
