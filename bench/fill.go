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

// fill sees to it that there are as many finished streams as were asked for.
func (b *bench) fill(ctx context.Context, doing func(string)) error {
	if !b.searched {
		if err := b.pool.find(ctx, b.store(0)); err != nil {
			return err
		}
		b.searched = true
	}
	var names []string
	for range b.o.Streams - len(b.pool.all()) {
		names = append(names, b.pool.newName())
	}
	return b.write(ctx, names, doing)
}

// fillCategory sees to it that a category has a finished stream, which it may
// not have where there are few.
func (b *bench) fillCategory(ctx context.Context, category string, doing func(string)) error {
	prefix := b.pool.prefix(category)
	if slices.ContainsFunc(b.pool.all(), func(stream string) bool { return strings.HasPrefix(stream, prefix) }) {
		return nil
	}
	return b.write(ctx, []string{b.pool.newNameIn(category)}, doing)
}

// write writes these streams, each to its end.
func (b *bench) write(ctx context.Context, names []string, doing func(string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // one call of doing at a time
	written := 0
	lap := func(int) bool {
		mu.Lock()
		defer mu.Unlock()
		if written++; written%100 == 0 {
			doing(fmt.Sprintf("write %d of %d streams to read", written, len(names)))
		}
		return true
	}
	streams := make(chan string, len(names))
	for _, name := range names {
		streams <- name
	}
	close(streams)
	var clients sync.WaitGroup
	for i := range min(fillClients, len(names)) {
		clients.Go(func() {
			w := newWriter(b.store(i), b.pool, b.data, StreamEvents)
			for w.stream = range streams {
				if err := w.append(ctx, lap); err != nil {
					cancel(fmt.Errorf("write the streams to read: %w", err))
					return
				}
			}
		})
	}
	clients.Wait()
	return context.Cause(ctx)
}
