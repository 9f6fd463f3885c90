package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// fillClients write the streams that are to be read and are not there.
const fillClients = 16

// readable is the pool of streams that have so many events, for those who read.
func (b *bench) readable(length int) *pool {
	return b.pool(sort{size: b.o.Size, length: length, shape: b.o.Shape})
}

// pool is the one pool of its sort.
func (b *bench) pool(s sort) *pool {
	for _, p := range b.pools {
		if p.sort == s {
			return p
		}
	}
	p := newPool(s)
	b.pools = append(b.pools, p)
	return p
}

// fill sees to it that a pool has as many finished streams as were asked for.
func (b *bench) fill(ctx context.Context, p *pool, doing func(string)) error {
	if err := p.search(ctx, b.store(0)); err != nil {
		return err
	}
	return b.fillTo(ctx, p, b.o.streamsOf(p.length), doing)
}

// fillTo sees to it that a pool, of which it is known what is there, has so many
// finished streams.
func (b *bench) fillTo(ctx context.Context, p *pool, streams int, doing func(string)) error {
	var names []string
	for range streams - len(p.all()) {
		names = append(names, p.newName())
	}
	return b.write(ctx, p, names, doing)
}

// fillCategory sees to it that a category has a finished stream, which it may
// not have where there are few.
func (b *bench) fillCategory(ctx context.Context, p *pool, category string, doing func(string)) error {
	prefix := p.prefix(category)
	if slices.ContainsFunc(p.all(), func(stream string) bool { return strings.HasPrefix(stream, prefix) }) {
		return nil
	}
	return b.write(ctx, p, []string{p.newNameIn(category)}, doing)
}

// write writes these streams, each to its end: one after the other, or, where
// the pool has a shape, interleaved as it says.
func (b *bench) write(ctx context.Context, p *pool, names []string, doing func(string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := &filling{pool: p, names: names, events: len(names) * p.length, doing: doing}
	var clients sync.WaitGroup
	for i := range min(fillClients, len(names)) {
		clients.Go(func() {
			write := f.inOrder
			if p.shape != "" {
				write = f.interleaved
			}
			if err := write(ctx, b, i); err != nil {
				cancel(fmt.Errorf("write the streams to read: %w", err))
			}
		})
	}
	clients.Wait()
	return context.Cause(ctx)
}

// filling is what the clients that fill share.
type filling struct {
	pool   *pool
	events int
	doing  func(string)

	mu      sync.Mutex
	names   []string // to be begun
	written int
	said    int
}

// take returns a stream to be begun; "" where there is none.
func (f *filling) take() (name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.names) > 0 {
		name, f.names = f.names[0], f.names[1:]
	}
	return name
}

// sayEvery is after how many events of a filling its progress is told.
const sayEvery = 10_000

func (f *filling) lap(events int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.written += events; f.written-f.said >= sayEvery {
		f.said = f.written
		f.doing(fmt.Sprintf("write %s of %s events to read", Grouped(float64(f.written)), Grouped(float64(f.events))))
	}
	return true
}

// inOrder writes stream after stream.
func (f *filling) inOrder(ctx context.Context, b *bench, client int) error {
	w := newWriter(b.store(client), f.pool, b.data, min(BatchEvents, f.pool.length))
	for w.stream = f.take(); w.stream != ""; w.stream = f.take() {
		for name := w.stream; w.stream == name; {
			if err := w.append(ctx, f.lap); err != nil {
				return err
			}
		}
	}
	return nil
}
