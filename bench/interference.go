package bench

import (
	"context"
	"sync"

	"github.com/firndb/firn"
)

// interference is appending as in the workload append, while one further client
// reads everything again and again, against appending alone: what counts is how
// long the slowest of a hundred appends takes.
func (b *bench) interference() workload {
	p := b.readable(b.o.length())
	appends := func(client int) call { return newWriter(b.store(client), b.written, b.data, 1).append }
	return workload{
		name:    "interference",
		streams: p,
		prepare: b.filled(p),
		drive: func(ctx context.Context, s stretch) measured {
			scanning, stop := context.WithCancel(ctx)
			defer stop()
			var reader sync.WaitGroup
			var failed error
			reader.Go(func() { failed = b.scanOn(scanning) })
			m := drive(ctx, s, appends)
			stop()
			if reader.Wait(); failed != nil {
				m.errors, m.lastError = m.errors+1, failed
			}
			return m
		},
		floor:      func(ctx context.Context, f *figure) (float64, error) { return f.driveFloor(ctx, appends) },
		percentile: 99,
	}
}

// scanOn reads everything, again and again, until the context ends.
func (b *bench) scanOn(ctx context.Context) error {
	for ctx.Err() == nil {
		for _, err := range b.store(0).Read(ctx, firn.Query{All: true}) {
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
