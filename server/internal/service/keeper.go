package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
)

// keeper makes the snapshots that the store keeps by itself, while this node
// leads. They come two ways:
//
//   - Whoever looks into a stream's past passes on those that its own computing
//     made due, for whichever fold it was.
//   - For declared folds it follows the streams of their categories, counts, and
//     where a snapshot becomes due it loads the stream.
//
// All of it is one goroutine, which rests four times as long as it works: so
// what it takes is at most a fifth of one core, and of the log. Appends do not
// wait for it. A snapshot that is not made costs nothing but time, so where there is too much
// to do, some is left out.
type keeper struct {
	lead   *lead
	signal chan struct{} // something was offered

	mu      sync.Mutex
	offered []firn.Snapshot
	known   map[snapshotKey]struct{} // that were offered
	bytes   int                      // of their states

	// Owned by the goroutine.
	due        counts
	batch      []firn.Snapshot // to be saved at once
	batchBytes int
	failed     error // of saving while a stream was computed
}

// snapshotKey is what tells snapshots apart.
type snapshotKey struct {
	stream   string
	version  firn.FoldVersion
	revision firn.Revision
}

const (
	offeredMax      = 4096
	offeredBytesMax = 16 << 20
	keeperPauseMin  = 50 * time.Millisecond
	keeperRest      = 4               // times as long as the work before
	roundMax        = time.Second     // after which no further stream is begun
	keeperTimeMax   = 2 * time.Second // for one stream at a time
	keeperFailed    = 5 * time.Second // the pause after an error
	batchMax        = 32
	batchBytesMax   = 1 << 20
)

func newKeeper(l *lead) *keeper {
	return &keeper{lead: l, signal: make(chan struct{}, 1), known: make(map[snapshotKey]struct{})}
}

// offer passes on a snapshot that is due. It does not wait, and may leave it out.
func (k *keeper) offer(s firn.Snapshot) {
	key := snapshotKey{s.Stream, s.Version, s.Revision}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, again := k.known[key]; again || len(k.offered) >= offeredMax || k.bytes+len(s.State) > offeredBytesMax {
		return
	}
	k.offered = append(k.offered, s)
	k.known[key] = struct{}{}
	k.bytes += len(s.State)
	select {
	case k.signal <- struct{}{}:
	default:
	}
}

// take returns the next one that was offered.
func (k *keeper) take() (s firn.Snapshot, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.offered) == 0 {
		k.offered = nil
		return s, false
	}
	s = k.offered[0]
	k.offered[0] = firn.Snapshot{}
	k.offered = k.offered[1:]
	k.bytes -= len(s.State)
	delete(k.known, snapshotKey{s.Stream, s.Version, s.Revision})
	return s, true
}

// run works until the lead is closed.
func (k *keeper) run() {
	for k.lead.ctx.Err() == nil {
		term, changed := k.lead.leading()
		if term > 0 {
			k.work(changed)
		}
		for ok := true; ok; { // nobody will keep it here
			_, ok = k.take()
		}
		select {
		case <-changed:
		case <-k.lead.ctx.Done():
		}
	}
}

// work goes on for as long as this node leads.
func (k *keeper) work(changed <-chan struct{}) {
	ctx, cancel := context.WithCancel(k.lead.ctx)
	defer cancel()
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	k.due.begin(k.lead.replica.Engine)
	defer k.due.end()
	for ctx.Err() == nil {
		begun := time.Now()
		err := k.round(ctx)
		pause := max(keeperRest*time.Since(begun), keeperPauseMin)
		if err != nil && ctx.Err() == nil {
			k.lead.service.options.Logger.Warn("snapshots are not made for now", "error", err)
			pause = max(pause, keeperFailed)
		}
		rest := time.NewTimer(pause)
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
		}
		select {
		case <-k.signal:
		case <-k.due.moved():
		case <-ctx.Done():
		}
	}
}

// round saves some of what was offered, and makes some of what is due.
func (k *keeper) round(ctx context.Context) error {
	until := time.Now().Add(roundMax)
	for time.Now().Before(until) {
		s, ok := k.take()
		if !ok {
			break
		}
		if err := k.collect(ctx, s); err != nil {
			return err
		}
	}
	if err := k.save(ctx); err != nil {
		return err
	}
	k.again()
	defer k.due.rest()
	sh := k.lead.service.shapes(k.lead.replica.Engine)
	for {
		stream, folds, err := k.due.next(ctx, sh, k.lead.service.options.Now())
		if err != nil || stream == "" {
			return err
		}
		for _, f := range folds {
			if err := k.make(ctx, sh, stream, f); err != nil {
				return err
			}
		}
		if !time.Now().Before(until) {
			return nil
		}
	}
}

// again has what is left over looked at in the next round.
func (k *keeper) again() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.offered) > 0 {
		select {
		case k.signal <- struct{}{}:
		default:
		}
	}
}

// make loads a stream and saves the snapshots that are due on the way. What takes
// too long goes on from there in another round. A fold that fails, or that comes to
// no snapshot at all in its time, is not tried on this stream again until a
// definition changes.
func (k *keeper) make(ctx context.Context, sh *shapes, stream string, f *snapshot.Declared) error {
	k.failed = nil
	limited, cancel := context.WithTimeout(ctx, keeperTimeMax)
	defer cancel()
	q := firn.LoadQuery{Stream: stream, Fold: f.Name(), Version: f.Version(nil)}
	found, err := k.lead.service.load(limited, k.lead.replica.Engine, sh, q)
	if err != nil {
		return k.passOver(ctx, stream, err)
	}
	saved := 0
	last := firn.Revision(0)
	loaded := firn.Loaded{Snapshot: found.Snapshot, Events: events(found.Records), Partial: found.Partial}
	c, err := snapshot.Policy{}.Keep(limited, f, found.Version, loaded, func(s firn.Snapshot) error {
		saved, last = saved+1, s.Revision
		return k.collect(ctx, s)
	})
	if err := errors.Join(k.failed, k.save(ctx)); err != nil {
		return err
	}
	if saved > 0 && limited.Err() != nil && ctx.Err() == nil {
		k.due.later(stream)
		return nil
	}
	if err != nil {
		return k.passOver(ctx, stream, err)
	}
	behind := c.Events
	if saved > 0 {
		behind = int(c.Revision - last)
	}
	k.due.made(stream, behind, len(c.State), saved > 0)
	return nil
}

// passOver gives a stream up, where that is what the error says.
func (k *keeper) passOver(ctx context.Context, stream string, err error) error {
	var e *firn.Error
	if ctx.Err() != nil || errors.As(err, &e) && e.Retry() == firn.RetrySafe {
		return err
	}
	k.due.giveUp(stream)
	return nil
}

// collect saves a snapshot, together with others.
func (k *keeper) collect(ctx context.Context, s firn.Snapshot) error {
	k.batch = append(k.batch, s)
	if k.batchBytes += len(s.State); len(k.batch) < batchMax && k.batchBytes < batchBytesMax {
		return nil
	}
	k.failed = k.save(ctx)
	return k.failed
}

// save saves what was collected: at once, so that it is synced at once. What the
// store refuses is no loss.
func (k *keeper) save(ctx context.Context) error {
	errs := make([]error, len(k.batch))
	var saving sync.WaitGroup
	for i, s := range k.batch {
		saving.Go(func() {
			err := k.lead.service.SaveSnapshot(ctx, "", s)
			var e *firn.Error
			if !errors.As(err, &e) || e.Retry() != firn.RetryNo {
				errs[i] = err
			}
		})
	}
	saving.Wait()
	clear(k.batch)
	k.batch, k.batchBytes = k.batch[:0], 0
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
