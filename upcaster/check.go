package upcaster

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/firndb/firn"
)

// CheckOptions says what a [Check] keeps. Zero means the default.
type CheckOptions struct {
	Failures int                 // failures kept, those with the lowest positions; default 100
	Samples  int                 // samples kept of each type and version, likewise; default 1
	Workers  int                 // goroutines that upcast; default: one a processor
	Progress func(events uint64) // called now and then with how many events were seen, from one goroutine
}

func (o CheckOptions) withDefaults() CheckOptions {
	if o.Failures <= 0 {
		o.Failures = 100
	}
	if o.Samples <= 0 {
		o.Samples = 1
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(uint64) {}
	}
	return o
}

const (
	batchEvents = 512
	batchBytes  = 1 << 20 // after so many a batch is full
)

// Check tries what is in a registry on events, without any other effect. Each
// source is read by a goroutine of its own, as many at once as there are workers;
// what they yield is upcast by the workers, so that all processors are used for
// one source, too. A source yields (event, nil) or ends with an error, which ends
// the check.
//
// Its memory is bounded whatever the events are: a few batches of a mebibyte, the
// failures and samples that are kept, and counts of at most [CountsMax] types and
// versions.
func Check(ctx context.Context, r *Registry, o CheckOptions, sources ...iter.Seq2[firn.Event, error]) (*Report, error) {
	o = o.withDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []firn.Event, o.Workers)
	findings := make(chan *findings, o.Workers)

	waiting := make(chan iter.Seq2[firn.Event, error], len(sources))
	for _, s := range sources {
		waiting <- s
	}
	close(waiting)
	var readers, workers sync.WaitGroup
	for range min(o.Workers, len(sources)) {
		readers.Go(func() {
			for s := range waiting {
				if err := readBatches(ctx, s, batches); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for range o.Workers {
		workers.Go(func() {
			for batch := range batches {
				findings <- examine(ctx, r, o, batch)
			}
		})
	}
	go func() {
		readers.Wait()
		close(batches)
		workers.Wait()
		close(findings)
	}()

	report := newReport(o)
	for f := range findings {
		report.add(f)
		o.Progress(report.Events)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	report.finish()
	return report, nil
}

// readBatches sends what a source yields, many events at a time.
func readBatches(ctx context.Context, source iter.Seq2[firn.Event, error], to chan<- []firn.Event) error {
	var batch []firn.Event
	bytes := 0
	send := func() error {
		select {
		case to <- batch:
			batch, bytes = make([]firn.Event, 0, batchEvents), 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for e, err := range source {
		if err != nil {
			return err
		}
		batch = append(batch, e)
		bytes += len(e.Data) + len(e.Metadata)
		if len(batch) >= batchEvents || bytes >= batchBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return send()
}

// findings is what came of one batch.
type findings struct {
	counts   map[typeVersion]*Count
	failures []Failure
	samples  map[typeVersion][]Sample
}

func examine(ctx context.Context, r *Registry, o CheckOptions, batch []firn.Event) *findings {
	f := &findings{counts: map[typeVersion]*Count{}, samples: map[typeVersion][]Sample{}}
	for i := range batch {
		stored := &batch[i]
		key := typeVersion{stored.Type, version(stored.Schema)}
		c := f.counts[key]
		if c == nil {
			c = &Count{Type: key.typ, Schema: key.version}
			f.counts[key] = c
		}
		c.Events++
		today := *stored
		changed, err := r.Upcast(ctx, &today)
		if err != nil {
			c.Failed++
			f.failures = append(f.failures, newFailure(stored, err))
			continue
		}
		if !changed {
			continue
		}
		c.Changed++
		if s := (Sample{Before: *stored, After: today}); s.small() && len(f.samples[key]) < o.Samples {
			f.samples[key] = append(f.samples[key], s)
		}
	}
	return f
}
