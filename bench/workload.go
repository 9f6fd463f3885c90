package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/firndb/firn"
)

// workload is what the clients do, and the floor that it is held against.
type workload struct {
	name       string
	clients    []int                                                 // how many it runs with; nil: as the options say
	streams    *pool                                                 // the streams that it writes, or reads
	prepare    func(ctx context.Context, doing func(string)) error   // nil: it needs nothing
	drive      func(context.Context, stretch) measured               // one run, or the warm-up
	floor      func(ctx context.Context, f *figure) (float64, error) // events/s, or µs where percentile is set; nil: there is none
	percentile float64                                               // what counts is this percentile of the latencies; 0: events/s
	arrivals   int                                                   // calls per second; 0: each client waits for its answer
	once       func(context.Context, *figure) ([]run, error)         // in place of warm-up, runs and floors; nil: these
	kinds      []string                                              // of its calls, where there are several
}

// calls drives clients each of which calls again and again.
func calls(client func(client int) call) func(context.Context, stretch) measured {
	return func(ctx context.Context, s stretch) measured { return drive(ctx, s, client) }
}

// workloads returns what is measured under a name, which is known to be one.
func (b *bench) workloads(name string) []workload {
	read := b.readable(b.o.length())
	switch name {
	case "append":
		return []workload{b.writing(name, 1)}
	case "batch":
		return []workload{b.writing(name, BatchEvents)}
	case "load":
		return b.loading()
	case "scan":
		return []workload{b.reading(name, read, ScanEvents, b.newScanner)}
	case "category":
		return []workload{b.following("category", read, category), b.following("category-rare", read, rareCategory)}
	case "group":
		return []workload{{name: name, streams: read, prepare: b.filled(read), drive: b.consumeGroup}}
	case "mixed":
		return []workload{b.mixed()}
	case "interference":
		return []workload{b.interference()}
	case Growth:
		return b.growth()
	default:
		catchUp := b.reading("catch-up", read, ScanEvents, func(client int) call {
			return follower{b.store(client), firn.Query{All: true}}.follow
		})
		catchUp.clients = []int{1}
		return []workload{catchUp, {name: name, streams: b.written, drive: b.deliver, floor: deliveryFloor, percentile: 50}}
	}
}

// writing is a workload of so many events a call, against the file.
func (b *bench) writing(name string, events int) workload {
	return b.arriving(workload{
		name:    name,
		streams: b.written,
		drive:   calls(func(client int) call { return newWriter(b.store(client), b.written, b.data, events).append }),
		floor: func(ctx context.Context, f *figure) (float64, error) {
			records := logged(b.written.newName(), b.data, events)
			return f.driveFloor(ctx, func(int) call { return b.file.client(records, events) })
		},
	})
}

// arriving is a workload whose calls may arrive at a rate. Then it is latencies
// that are compared: how many events there are was given.
func (b *bench) arriving(w workload) workload {
	if w.arrivals = b.o.Arrivals; w.arrivals > 0 {
		w.percentile = 50
	}
	return w
}

// loading are the workloads of reading whole streams, one for each length.
func (b *bench) loading() (all []workload) {
	for _, length := range b.o.Lengths {
		name := "load"
		if length != StreamEvents {
			name = fmt.Sprintf("load-%d", length)
		}
		all = append(all, b.loadingFrom(name, b.readable(length)))
	}
	return all
}

func (b *bench) loadingFrom(name string, p *pool) workload {
	return b.reading(name, p, p.length, func(client int) call {
		l := &loader{store: b.store(client), length: p.length, data: b.data, streams: b.newDraw(p)}
		return l.load
	})
}

// reading is a workload of so many events a call, against the echo.
func (b *bench) reading(name string, p *pool, events int, client func(int) call) workload {
	return workload{
		name:    name,
		streams: p,
		prepare: b.filled(p),
		drive:   calls(client),
		floor: func(ctx context.Context, f *figure) (perS float64, err error) {
			answer := logged(b.written.newName(), b.data, events)
			echo, err := openEchoFloor(answer)
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, echo.close()) }()
			return f.driveFloor(ctx, func(int) call { return echo.client(len(answer), events) })
		},
	}
}

// filled is the preparation of who needs no more than streams to read.
func (b *bench) filled(p *pool) func(context.Context, func(string)) error {
	return func(ctx context.Context, doing func(string)) error { return b.fill(ctx, p, doing) }
}

// following is the workload of following a category, against reading everything:
// its floor is how many of the category's events that gives in the same time.
func (b *bench) following(name string, p *pool, category string) workload {
	share := 0.0 // of the category in everything
	follow := func(client int) call { return follower{b.store(client), firn.Query{Category: category}}.follow }
	return workload{
		name:    name,
		streams: p,
		prepare: func(ctx context.Context, doing func(string)) (err error) {
			if err := b.fill(ctx, p, doing); err != nil {
				return err
			}
			if err := b.fillCategory(ctx, p, category, doing); err != nil {
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

func (b *bench) newScanner(client int) call { return scanner{b.store(client)}.scan }
