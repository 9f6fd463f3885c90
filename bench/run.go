package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firndb/firn"
)

const (
	unsteadyShare = 0.2 // two floors that differ by more have something else between them
	repeatsMax    = 3   // of one run, for the sake of its floors
)

// bench is one call of Run.
type bench struct {
	o      Options
	stores []firn.Store // the same one, by as many connections
	data   []byte       // of every event
	file   *fileFloor

	pools   []*pool // of the streams that are read or written
	written *pool   // what append and batch write; one of them
	draws   uint64  // made so far
	groups  int     // likewise
}

func newBench(o Options, stores ...firn.Store) *bench {
	b := &bench{o: o, stores: stores, data: eventData(o.Size)}
	b.written = b.pool(sort{size: o.Size, length: StreamEvents})
	return b
}

// Run measures the store and gives each figure to emit as soon as it is there;
// an error of emit ends it. Failed calls are counted in the results; Run itself
// fails where no call of a workload succeeds, where a floor cannot be measured,
// and with the context.
func Run(ctx context.Context, store firn.Store, o Options, emit func(Result) error) (err error) {
	o, err = o.withDefaults()
	if err != nil {
		return err
	}
	b := newBench(o, append([]firn.Store{store}, o.Connections...)...)
	inFlight := len(logged(b.written.newName(), b.data, BatchEvents)) * o.maxClients()
	if b.file, err = openFileFloor(o.Dir, max(o.floorFileBytes, 2*int64(inFlight))); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.file.close()) }()

	for _, name := range o.Workloads {
		for _, w := range b.workloads(name) {
			if w.clients == nil {
				w.clients = o.Clients
			}
			for _, clients := range w.clients {
				f := figure{bench: b, workload: w, clients: clients}
				result, err := f.measure(ctx)
				if err != nil {
					return fmt.Errorf("%s, %d clients: %w", w.name, clients, err)
				}
				if err := emit(result); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// store returns the connection that a client uses.
func (b *bench) store(client int) firn.Store { return b.stores[client%len(b.stores)] }

// figure is one workload with one number of clients.
type figure struct {
	*bench
	workload
	clients int
}

func (f *figure) measure(ctx context.Context) (Result, error) {
	if f.prepare != nil {
		if err := f.prepare(ctx, f.doing); err != nil {
			return Result{}, err
		}
	}
	sync, err := f.file.syncTime()
	if err != nil {
		return Result{}, err
	}
	runs, err := f.allRuns(ctx)
	if err != nil {
		return Result{}, err
	}
	head, _, err := f.store(0).Head(ctx, firn.Consistency{})
	if err != nil {
		head = 0 // a store that can only be written to is measured too
	}
	r := Result{
		Workload: f.name, Nodes: f.o.Nodes, Clients: f.clients, Size: f.o.Size, Streams: len(f.streams.all()), Events: uint64(head),
		SyncUs: round(micro(sync), 10), Commit: commit(),
		Length: f.streams.length, Shape: f.streams.shape, Skew: f.o.Skew, Arrivals: f.arrivals, ClientIncluded: f.o.ClientIncluded,
	}
	r.summarize(runs, f.percentile, f.kinds)
	return r, nil
}

// allRuns warms up and makes the runs, or what the workload has in their place.
func (f *figure) allRuns(ctx context.Context) ([]run, error) {
	if f.once != nil {
		return f.once(ctx, f)
	}
	warm := f.drive(ctx, f.stretch(f.o.WarmUp, "warm-up"))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if warm.events == 0 && warm.errors > 0 {
		return nil, fmt.Errorf("not one of %d calls succeeded; the last: %w", warm.errors, warm.lastError)
	}
	return f.runs(ctx, func(ctx context.Context) (float64, error) {
		if f.floor == nil {
			return 0, nil
		}
		return f.floor(ctx, f)
	})
}

// runs makes the runs of a figure, each between two floors; the floor after one
// is the floor before the next.
func (f *figure) runs(ctx context.Context, floor func(context.Context) (float64, error)) ([]run, error) {
	before, err := floor(ctx)
	if err != nil {
		return nil, err
	}
	var runs []run
	for repeats := 0; len(runs) < f.o.Runs; {
		var m measured
		u := f.metered(ctx, func() {
			m = f.drive(ctx, f.stretch(f.o.Duration, fmt.Sprintf("run %d of %d", len(runs)+1, f.o.Runs)))
		})
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		after, err := floor(ctx)
		if err != nil {
			return nil, err
		}
		steady := max(before, after)-min(before, after) <= unsteadyShare*max(before, after)
		if steady || repeats == repeatsMax {
			runs = append(runs, run{measured: m, used: u, floor: (before + after) / 2, steady: steady})
			repeats = 0
		} else {
			repeats++
		}
		before = after
	}
	return runs, nil
}

// stretch is one of this figure's, while which so much is said to be done.
func (f *figure) stretch(d time.Duration, doing string) stretch {
	return stretch{duration: d, clients: f.clients, arrivals: f.arrivals, report: f.report(doing)}
}

// driveFloor measures a floor once, in events/s, or in µs where a percentile of
// the latencies is what counts.
func (f *figure) driveFloor(ctx context.Context, client func(client int) call) (float64, error) {
	m := drive(ctx, f.stretch(f.o.Floor, "floor"), client)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if m.errors > 0 {
		return 0, fmt.Errorf("measure the floor: %w", m.lastError)
	}
	if f.percentile > 0 {
		return quantile(m.latencies, f.percentile), nil
	}
	return m.perS(), nil
}

// report returns what drive tells the rate to; nil where nobody looks.
func (f *figure) report(doing string) func(perS float64) {
	if f.o.Progress == nil {
		return nil
	}
	return func(perS float64) {
		f.o.Progress(Progress{Workload: f.name, Clients: f.clients, Doing: doing, EventsPerS: perS})
	}
}

func (f *figure) doing(what string) {
	if f.o.Progress != nil {
		f.o.Progress(Progress{Workload: f.name, Clients: f.clients, Doing: what})
	}
}
