package bench

import (
	"context"
	"fmt"
	"time"
)

// growthShape is how the store of the workload growth lies.
const growthShape = "G"

// growth is a store that is filled to one size after another. At each there are
// four figures: the filling itself, with what it wrote to disk and the memory that
// the nodes take; append and load as ever; and how long the nodes take to start.
func (b *bench) growth() (all []workload) {
	p := b.pool(sort{size: b.o.Size, length: shapes[growthShape].length, shape: growthShape})
	for _, size := range b.o.Sizes {
		at := "-" + magnitude(size)
		fill := workload{name: "fill" + at, clients: []int{fillClients}, streams: p, once: b.filling(p, size)}
		add := b.writing("append"+at, 1)
		load := b.loadingFrom("load"+at, p)
		load.prepare = nil // it is filled
		all = append(all, fill, add, load)
		if b.o.Restart != nil {
			all = append(all, workload{name: "start" + at, clients: []int{1}, streams: p, once: b.starting})
		}
	}
	return all
}

// filling is the one run of writing what a pool is short of.
func (b *bench) filling(p *pool, size int) func(context.Context, *figure) ([]run, error) {
	return func(ctx context.Context, f *figure) (_ []run, err error) {
		if err := p.search(ctx, b.store(0)); err != nil {
			return nil, err
		}
		before := len(p.all())
		m := measured{latencies: newLatencies()}
		u := b.metered(ctx, func() {
			start := time.Now()
			err = b.fillTo(ctx, p, max(1, size/p.length), f.doing)
			m.elapsed = time.Since(start)
		})
		m.events = int64(len(p.all())-before) * int64(p.length)
		return []run{{measured: m, used: u, steady: true}}, err
	}
}

// starting lets the nodes be started anew, as often as a figure has runs.
func (b *bench) starting(ctx context.Context, f *figure) (runs []run, err error) {
	for i := range b.o.Runs {
		f.doing(fmt.Sprintf("start %d of %d", i+1, b.o.Runs))
		took, err := b.o.Restart(ctx)
		if err != nil {
			return nil, fmt.Errorf("start the nodes anew: %w", err)
		}
		m := measured{latencies: newLatencies(), elapsed: took}
		m.latencies.RecordValue(int64(min(took, time.Duration(latencyMax))))
		runs = append(runs, run{measured: m, steady: true})
	}
	return runs, nil
}

// magnitude prints a size in short, where that is exact.
func magnitude(n int) string {
	switch {
	case n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}
