package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/firndb/firn"
)

// workload is what the clients do, and the floor that it is held against.
type workload struct {
	name    string
	clients []int                                                 // how many it runs with; nil: as the options say
	prepare func(ctx context.Context, doing func(string)) error   // nil: it needs nothing
	drive   func(context.Context, stretch) measured               // one run, or the warm-up
	floor   func(ctx context.Context, f *figure) (float64, error) // events/s, or µs where latency is set; nil: there is none
	latency bool                                                  // what counts is the median latency, not events/s
}

// stretch is how long so many clients are driven, and who is told how it goes.
type stretch struct {
	duration time.Duration
	clients  int
	report   func(perS float64) // nil: nobody
}

// calls drives clients each of which calls again and again.
func calls(client func(client int) call) func(context.Context, stretch) measured {
	return func(ctx context.Context, s stretch) measured {
		return drive(ctx, s.duration, s.clients, client, s.report)
	}
}

// workloads returns what is measured under a name, which is known to be one.
func (b *bench) workloads(name string) []workload {
	switch name {
	case "append":
		return []workload{b.writing(name, 1)}
	case "batch":
		return []workload{b.writing(name, BatchEvents)}
	case "load":
		return []workload{b.reading(name, StreamEvents, b.newLoader)}
	case "scan":
		return []workload{b.reading(name, ScanEvents, b.newScanner)}
	case "category":
		return []workload{b.following("category", category), b.following("category-rare", rareCategory)}
	case "group":
		return []workload{{name: name, prepare: b.fill, drive: b.consumeGroup}}
	default:
		catchUp := b.reading("catch-up", ScanEvents, func(client int) call {
			return follower{b.store(client), firn.Query{All: true}}.follow
		})
		catchUp.clients = []int{1}
		return []workload{catchUp, {name: name, drive: b.deliver, floor: deliveryFloor, latency: true}}
	}
}

// writing is a workload of so many events a call, against the file.
func (b *bench) writing(name string, events int) workload {
	return workload{
		name:  name,
		drive: calls(func(client int) call { return newWriter(b.store(client), b.pool, b.data, events).append }),
		floor: func(ctx context.Context, f *figure) (float64, error) {
			records := logged(b.pool.newName(), b.data, events)
			return f.driveFloor(ctx, func(int) call { return b.file.client(records, events) })
		},
	}
}

// reading is a workload of so many events a call, against the echo.
func (b *bench) reading(name string, events int, client func(int) call) workload {
	return workload{
		name:    name,
		prepare: b.fill,
		drive:   calls(client),
		floor: func(ctx context.Context, f *figure) (perS float64, err error) {
			answer := logged(b.pool.newName(), b.data, events)
			echo, err := openEchoFloor(answer)
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, echo.close()) }()
			return f.driveFloor(ctx, func(int) call { return echo.client(len(answer), events) })
		},
	}
}

// following is the workload of following a category, against reading everything:
// its floor is how many of the category's events that gives in the same time.
func (b *bench) following(name, category string) workload {
	share := 0.0 // of the category in everything
	follow := func(client int) call { return follower{b.store(client), firn.Query{Category: category}}.follow }
	return workload{
		name: name,
		prepare: func(ctx context.Context, doing func(string)) (err error) {
			if err := b.fill(ctx, doing); err != nil {
				return err
			}
			if err := b.fillCategory(ctx, category, doing); err != nil {
				return err
			}
			doing("count the category's events")
			share, err = b.share(ctx, follow(0))
			return err
		},
		drive: calls(follow),
		floor: func(ctx context.Context, f *figure) (float64, error) {
			perS, err := f.driveFloor(ctx, b.newScanner)
			return perS * share, err
		},
	}
}

// share tells how much of what is in the store the events are that a call moves.
func (b *bench) share(ctx context.Context, once call) (float64, error) {
	events := 0
	if err := once(ctx, func(n int) bool { events += n; return true }); err != nil {
		return 0, err
	}
	head, _, err := b.store(0).Head(ctx, firn.Consistency{})
	if err != nil {
		return 0, err
	}
	return float64(events) / float64(head), nil
}

// newLoader makes a client with draws of its own: one that drew as in the run
// before would find in the caches what that run had read.
func (b *bench) newLoader(client int) call {
	b.loaders++
	l := &loader{store: b.store(client), streams: b.pool.all(), data: b.data, random: rand.New(rand.NewPCG(1, b.loaders))}
	return l.load
}

func (b *bench) newScanner(client int) call { return scanner{b.store(client)}.scan }
