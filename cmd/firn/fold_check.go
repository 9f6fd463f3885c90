package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/snapshot"
)

func newFoldCheckCommand(c *console) *cobra.Command {
	var failures int
	cmd := &cobra.Command{
		Use:   "check FILE|-",
		Short: "Try a fold on every stream of its category before it is put to use",
		Long: `Try a fold on every stream of its category, on its events in today's shape, and
list where it fails. Nothing is changed. A stream is tried up to its first
failure. The exit status is 0 only where nothing fails, else 1.`,
		Example: `  firn fold check cart.yaml`,
		Args:    args("FILE"),
		RunE: func(cmd *cobra.Command, words []string) error {
			if failures < 1 {
				return usage("--failures %d; give at least 1", failures)
			}
			fold, _, _, err := c.readFold(words[0])
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return runFoldCheck(s, fold, failures) })
		},
	}
	cmd.Flags().IntVar(&failures, "failures", 100, "list at most so many failures; all are counted")
	return cmd
}

// foldCheck is one check at work.
type foldCheck struct {
	*session
	fold  *snapshot.Declared
	bound firn.Point // one past for all streams
	kept  int        // failures that are listed

	mu       sync.Mutex
	streams  int
	events   uint64
	failed   int
	failures []foldFailure // those of the first streams by name; more than kept for a while
	show     func(streams int)
}

// foldFailure is the first event of a stream at which the fold fails.
type foldFailure struct {
	stream   string
	revision firn.Revision
	position firn.Position
	typ      string
	reason   string
}

func runFoldCheck(s *session, fold *snapshot.Declared, failures int) error {
	head, _, err := s.db.Head(s.ctx, firn.Consistency{})
	if err != nil {
		return err
	}
	f := &foldCheck{session: s, fold: fold, bound: firn.PositionPoint(head), kept: failures, show: func(int) {}}
	if head > 0 {
		if err := f.run(); err != nil {
			return err
		}
	}
	return f.report()
}

// listed calls do for each stream that has events.
func (f *foldCheck) listed(ctx context.Context, do func(name string) error) error {
	streams := f.db.Streams(ctx, firn.StreamQuery{Category: f.fold.Category(), Bound: f.bound})
	return each(f.patience, streams, func(info *firn.StreamInfo) error {
		if info.State != firn.Live || info.Events == 0 {
			return nil
		}
		return do(info.Name)
	})
}

// run hands the streams to as many goroutines as there are processors.
func (f *foldCheck) run() error {
	if f.terminalErr { // a bar needs to know how many there are
		streams := 0
		if err := f.listed(f.ctx, func(string) error { streams++; return nil }); err != nil {
			return err
		}
		bar := newBar(f.err, "check", int64(max(streams, 1)))
		defer bar.Finish()
		f.show = func(streams int) { bar.Set(streams) }
	}
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	names := make(chan string)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for name := range names {
				if err := f.stream(ctx, name); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := f.listed(ctx, func(name string) error {
		select {
		case names <- name:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	close(names)
	f.patience.rest()
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// stream tries the fold on one stream. The error is that of a read, never the
// fold's.
func (f *foldCheck) stream(ctx context.Context, name string) error {
	if ctx.Err() != nil {
		return nil
	}
	p := newPatience(ctx, f.timeout+f.timeout/timeoutMargin)
	defer p.stop()
	var last firn.Event
	var unread error
	var events uint64
	_, failed := snapshot.Compute(ctx, f.fold, nil, func(yield func(firn.Event, error) bool) {
		unread = each(p, f.db.Read(p.ctx, firn.Query{Stream: name, Bound: f.bound}), func(e *firn.Event) error {
			events++
			last = *e
			var shown error
			if e.Fault != nil {
				shown = e.Fault
			}
			if !yield(*e, shown) {
				return errStopped
			}
			return nil
		})
	})
	switch {
	case unread == nil || unread == errStopped:
	case errors.Is(unread, firn.ErrTombstoned), errors.Is(unread, firn.ErrNotFound): // gone since it was listed
		return nil
	default:
		return p.explain(unread)
	}
	if ctx.Err() != nil {
		return nil // why is known
	}
	f.found(&last, events, failed)
	return nil
}

// errStopped ends a loop over events that nobody wants any more.
var errStopped = errors.New("stopped")

func (f *foldCheck) found(last *firn.Event, events uint64, failed error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams++
	f.events += events
	f.show(f.streams)
	if failed == nil {
		return
	}
	f.failed++
	f.failures = append(f.failures, foldFailure{last.Stream, last.Revision, last.Position, last.Type, snapshot.Reason(f.fold, last, failed)})
	if len(f.failures) >= 2*f.kept {
		f.cut()
	}
}

// cut keeps the failures that will be listed.
func (f *foldCheck) cut() {
	slices.SortFunc(f.failures, func(a, b foldFailure) int { return cmp.Compare(a.stream, b.stream) })
	f.failures = f.failures[:min(len(f.failures), f.kept)]
}

func (f *foldCheck) report() error {
	f.cut()
	texts, objects := []string{fmt.Sprint(f.failed)}, make([][]byte, len(f.failures))
	for i, at := range f.failures {
		texts = append(texts, fmt.Sprintf("%s/%d @%d %s: %s", at.stream, at.revision, at.position, at.typ, at.reason))
		objects[i] = objectLine([]field{
			str("stream", at.stream), num("revision", at.revision), num("position", at.position), str("type", at.typ), str("reason", at.reason),
		})
	}
	err := f.print.object(
		boolean("ok", f.failed == 0), str("fold", f.fold.Name()), str("category", f.fold.Category()),
		num("streams", f.streams), num("events", f.events), num("failed", f.failed),
		field{"failures", strings.Join(texts, "\n  "), jsonline.List(objects)},
	)
	if err == nil && f.failed > 0 {
		err = fmt.Errorf("the fold %s fails in %d of %s", f.fold.Name(), f.failed, plural(uint64(f.streams), "stream"))
	}
	return err
}
