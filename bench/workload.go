package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
)

// fillClients write the streams that load and scan need and do not find.
const fillClients = 16

// workload is what the clients do, and the floor that it is held against.
type workload struct {
	name    string
	prepare func(ctx context.Context, doing func(string)) error // nil: it needs nothing
	client  func(client int) call
	floor   func() (client func(client int) call, done func() error, err error)
}

// workload returns the workload of a name, which is known to be one.
func (b *bench) workload(name string) workload {
	switch name {
	case "append":
		return b.writing(name, 1)
	case "batch":
		return b.writing(name, BatchEvents)
	case "load":
		return b.reading(name, StreamEvents, b.newLoader)
	default:
		return b.reading(name, ScanEvents, func(client int) call { return scanner{b.store(client)}.scan })
	}
}

// writing is a workload of so many events a call, against the file.
func (b *bench) writing(name string, events int) workload {
	return workload{
		name:   name,
		client: func(client int) call { return newWriter(b.store(client), b.pool, b.data, events).append },
		floor: func() (func(int) call, func() error, error) {
			records := logged(b.pool.newName(), b.data, events)
			return func(int) call { return b.file.client(records, events) }, func() error { return nil }, nil
		},
	}
}

// reading is a workload of so many events a call, against the echo.
func (b *bench) reading(name string, events int, client func(int) call) workload {
	return workload{
		name:    name,
		prepare: b.fill,
		client:  client,
		floor: func() (func(int) call, func() error, error) {
			answer := logged(b.pool.newName(), b.data, events)
			echo, err := openEchoFloor(answer)
			if err != nil {
				return nil, nil, err
			}
			return func(int) call { return echo.client(len(answer), events) }, echo.close, nil
		},
	}
}

// newLoader makes a client with draws of its own: one that drew as in the run
// before would find in the caches what that run had read.
func (b *bench) newLoader(client int) call {
	b.loaders++
	l := &loader{store: b.store(client), streams: b.pool.all(), data: b.data, random: rand.New(rand.NewPCG(1, b.loaders))}
	return l.load
}

// fill sees to it that there are as many finished streams as were asked for.
func (b *bench) fill(ctx context.Context, doing func(string)) error {
	if !b.searched {
		if err := b.pool.find(ctx, b.store(0)); err != nil {
			return err
		}
		b.searched = true
	}
	missing := b.o.Streams - len(b.pool.all())
	if missing <= 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // one call of doing at a time
	written := 0
	lap := func(int) bool {
		mu.Lock()
		defer mu.Unlock()
		if written++; written%100 == 0 {
			doing(fmt.Sprintf("write %d of %d streams to read", written, missing))
		}
		return true
	}
	streams := make(chan struct{}, missing)
	for range missing {
		streams <- struct{}{}
	}
	close(streams)
	var clients sync.WaitGroup
	for i := range min(fillClients, missing) {
		clients.Go(func() {
			w := newWriter(b.store(i), b.pool, b.data, StreamEvents)
			for range streams {
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
