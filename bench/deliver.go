package bench

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
)

const (
	deliverInFlight = 1024  // appends at once; then the next one waits, and its latency runs
	deliverEnd      = "end" // of the name of the stream whose event comes last
)

// delivery is one run of the workload subscribe: appends at a given rate,
// whether or not the ones before are answered, and clients that follow them.
type delivery struct {
	*bench
	prefix string    // of the streams that are written in this run
	origin time.Time // times are told as since then, so that a clock that is set does no harm

	shards   []shard
	appended atomic.Int64
}

// deliver lets the clients follow everything while events are appended at the
// rate that the options say. Each delivery is a latency, from the moment at
// which the event was to be appended.
func (b *bench) deliver(ctx context.Context, s stretch) measured {
	d := &delivery{bench: b, prefix: b.written.newName() + "-", origin: time.Now(), shards: newShards(s.clients)}
	ctx, cancel := context.WithTimeout(ctx, s.duration+callTimeout)
	defer cancel()

	var ready, followers sync.WaitGroup
	received := make([]int64, s.clients)
	ready.Add(s.clients)
	for i := range s.clients {
		followers.Go(func() {
			caughtUp := sync.OnceFunc(ready.Done)
			defer caughtUp()
			n, err := d.follow(ctx, b.store(i), caughtUp, &d.shards[i%len(d.shards)])
			if err != nil {
				d.shards[i%len(d.shards)].fail(err)
			}
			received[i] = n
		})
	}
	ready.Wait()
	elapsed := reporting(d.shards, s.report, func() {
		if err := d.append(ctx, s.duration); err != nil {
			d.shards[0].fail(err)
			cancel() // nothing tells the followers that all has come
		}
		followers.Wait()
	})
	for i, n := range received {
		if missing := d.appended.Load() - n; missing > 0 && ctx.Err() == nil {
			d.shards[i%len(d.shards)].fail(firn.Errorf(firn.ErrDamaged, "%d of %d events that were appended did not come", missing, d.appended.Load()))
		}
	}
	return sum(d.shards, elapsed)
}

// follow counts this run's events until the last one comes.
func (d *delivery) follow(ctx context.Context, store firn.Store, caughtUp func(), s *shard) (n int64, err error) {
	for m, err := range store.Subscribe(ctx, firn.Query{All: true, From: firn.EndPoint()}) {
		if err != nil {
			return n, err
		}
		switch {
		case m.Mark != nil:
			if m.Mark.Kind == firn.CaughtUp {
				caughtUp()
			}
		case !strings.HasPrefix(m.Event.Stream, d.prefix): // somebody else's
		case strings.HasSuffix(m.Event.Stream, deliverEnd):
			return n, nil
		default:
			s.add(1, time.Since(d.origin)-m.Event.Occurred.Sub(d.origin.Round(0)))
			n++
		}
	}
	return n, ctx.Err()
}

// append keeps to the rate for the duration, as far as the store does, waits
// until all is answered, and then appends the event that ends the run.
func (d *delivery) append(ctx context.Context, duration time.Duration) error {
	start := time.Now()
	interval := time.Second / time.Duration(d.o.Rate)
	slots := make(chan struct{}, deliverInFlight)
	var appends sync.WaitGroup
	for n := 0; ; n++ {
		due := start.Add(time.Duration(n) * interval)
		if due.Sub(start) >= duration || time.Since(start) >= duration || ctx.Err() != nil {
			break
		}
		due = waitUntil(ctx, due)
		slots <- struct{}{}
		appends.Go(func() {
			defer func() { <-slots }()
			stream := d.prefix + strconv.Itoa(n/StreamEvents)
			if err := d.appendOne(ctx, stream, due); err != nil {
				d.shards[n%len(d.shards)].fail(err)
				return
			}
			d.appended.Add(1)
		})
	}
	appends.Wait()
	return d.appendOne(ctx, d.prefix+deliverEnd, time.Now())
}

func (d *delivery) appendOne(ctx context.Context, stream string, due time.Time) error {
	_, err := d.store(0).Append(ctx, firn.To(stream, firn.Any, firn.Draft{Type: eventType, Data: d.data, Occurred: due}))
	return err
}

// deliveryFloor is the least that an event takes on its way to a subscriber, in
// µs: the sync that is under way, its own, and a round trip over TCP.
func deliveryFloor(ctx context.Context, f *figure) (us float64, err error) {
	sync, err := f.file.syncTime()
	if err != nil {
		return 0, err
	}
	answer := logged(f.written.newName(), f.data, 1)
	echo, err := openEchoFloor(answer)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, echo.close()) }()
	m := drive(ctx, stretch{duration: f.o.Floor, clients: 1, report: f.report("floor")}, func(int) call { return echo.client(len(answer), 1) })
	if m.errors > 0 {
		return 0, m.lastError
	}
	return 2*micro(sync) + quantile(m.latencies, 50), ctx.Err()
}
