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
	unmade    int64                     // calls that were due in the stretch, and not begun in it
	latencies *hdrhistogram.Histogram   // ns, of the calls that succeeded, and of what the unmade ones had waited
	kinds     []*hdrhistogram.Histogram // likewise, by kind of call where there are several
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

func (s *shard) add(events int, latency time.Duration) { s.addKind(0, events, latency) }

func (s *shard) addKind(kind, events int, latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events += int64(events)
	ns := min(int64(latency), latencyMax)
	s.latencies.RecordValue(ns)
	if s.kinds != nil {
		s.kinds[kind].RecordValue(ns)
	}
}

// omit records a call that was due and came to nothing in its time: it had
// waited so long by then.
func (s *shard) omit(kind int, waited time.Duration) {
	s.addKind(kind, 0, waited)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unmade++
}

func (s *shard) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors++
	s.lastError = err
}

// stretch is how long so many clients are driven, and who is told how it goes.
type stretch struct {
	duration time.Duration
	clients  int
	arrivals int                // calls per second that are due; 0: each client waits for its answer
	report   func(perS float64) // told the events per second so far, at the start and while it goes on; nil: nobody
}

// client says what one client calls next, and of which kind that is.
type client func() (kind int, do call)

// drive lets the clients call again and again for the duration. A call under
// way at its end is waited for and counted, in events and in time.
func drive(ctx context.Context, s stretch, newCall func(client int) call) measured {
	return driveKinds(ctx, s, 0, func(i int) client {
		do := newCall(i)
		return func() (int, call) { return 0, do }
	})
}

// driveKinds is drive for calls of several kinds.
func driveKinds(ctx context.Context, s stretch, kinds int, newClient func(i int) client) measured {
	shards := newShards(s.clients)
	for i := range shards {
		for range kinds {
			shards[i].kinds = append(shards[i].kinds, newLatencies())
		}
	}
	clients := make([]client, s.clients)
	for i := range clients {
		clients[i] = newClient(i)
	}
	p := newPace(s)
	ctx, cancel := context.WithDeadline(ctx, p.stop.Add(callTimeout))
	defer cancel()
	elapsed := reporting(shards, s.report, func() {
		var wg sync.WaitGroup
		for i, next := range clients {
			wg.Go(func() { repeat(ctx, p, next, &shards[i%len(shards)]) })
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
		all.mergeKinds(shards[i].kinds)
	}
	return all
}

// mergeKinds adds the latencies of calls of several kinds.
func (m *measured) mergeKinds(kinds []*hdrhistogram.Histogram) {
	for k, h := range kinds {
		if k == len(m.kinds) {
			m.kinds = append(m.kinds, newLatencies())
		}
		m.kinds[k].Merge(h)
	}
}

// repeat is one client.
func repeat(ctx context.Context, p *pace, next client, s *shard) {
	var begin time.Time
	var kind int
	lap := func(events int) bool {
		now := time.Now()
		s.addKind(kind, events, now.Sub(begin))
		begin = now
		return now.Before(p.stop)
	}
	for first := true; ; first = false {
		var due dueness
		if begin, due = p.next(ctx, first); due == callNever {
			return
		}
		var do call
		kind, do = next()
		if due == callTooLate {
			s.omit(kind, p.stop.Sub(begin))
			continue
		}
		if err := do(ctx, lap); err != nil {
			s.fail(err)
			select {
			case <-time.After(errorPause):
			case <-ctx.Done():
			}
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
		all.unmade += s.unmade
		if s.lastError != nil {
			all.lastError = s.lastError
		}
		s.mu.Unlock()
	}
	return all
}
