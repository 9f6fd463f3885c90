package storetest

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// Compare drives both stores, which are empty, with the same random operations
// and returns the first difference between their answers, with the operations
// that led to it. The same seed gives the same operations.
func Compare(ctx context.Context, seed uint64, steps int, store, model firn.Store) error {
	c := newComparison(seed, store, model)
	defer c.dismiss()
	for range steps {
		if err := c.step(ctx, c.next(ctx)); err != nil {
			return err
		}
	}
	return c.finish(ctx)
}

// comparison is two stores on their way through the same operations.
type comparison struct {
	*generator
	watches
	store, model *side
	retries      bool     // see [Retries]
	trace        []string // what was done so far, with the model's answer
}

func newComparison(seed uint64, store, model firn.Store) *comparison {
	g := newGenerator(seed, model)
	of := func(s firn.Store) *side {
		return &side{Store: s, heads: map[int64]firn.Position{}, made: g.foreign}
	}
	return &comparison{generator: g, watches: newWatches(seed), store: of(store), model: of(model)}
}

// step puts one operation to both stores.
func (c *comparison) step(ctx context.Context, op operation) error {
	tick()
	got, want := op.run(ctx, c.store), op.run(ctx, c.model)
	c.trace = append(c.trace, fmt.Sprintf("%4d  %s\n      → %s", len(c.trace), op.name, summary(want)))
	if c.retries && len(got) > 0 && len(want) > 0 && got[0] == strings.Replace(want[0], repeatedNot, repeatedSo, 1) {
		got[0] = want[0]
	}
	if slices.Equal(got, want) {
		if err := c.tend(ctx); err != nil {
			return fmt.Errorf("after operation %d, %s:\n%w\n\n%s", len(c.trace)-1, op.name, err, c.recent())
		}
		return nil
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	line := func(a answer) string {
		if i < len(a) {
			return a[i]
		}
		return "(nothing more)"
	}
	return fmt.Errorf("operation %d, %s\n%d lines from the store, %d from the model; they differ at line %d:\nstore: %s\nmodel: %s\n\n%s",
		len(c.trace)-1, op.name, len(got), len(want), i, line(got), line(want), c.recent())
}

// recent is the end of the trace.
func (c *comparison) recent() string {
	last := c.trace[max(0, len(c.trace)-traceShown):]
	return "the last operations, with the model's answers:\n" + strings.Join(last, "\n")
}

const traceShown = 25

// finish compares everything there is, in both directions, and what the watches
// have heard.
func (c *comparison) finish(ctx context.Context) error {
	for _, op := range []operation{
		readOf(firn.Query{All: true, System: true}, place{}, place{}),
		readOf(firn.Query{All: true, System: true, Backwards: true}, place{}, place{}),
		listOf(firn.StreamQuery{System: true}, place{}),
	} {
		if err := c.step(ctx, op); err != nil {
			return err
		}
	}
	if err := c.judge(ctx); err != nil {
		return fmt.Errorf("%w\n\n%s", err, c.recent())
	}
	return nil
}

func summary(a answer) string {
	if len(a) == 0 {
		return "nothing"
	}
	if len(a) == 1 {
		return a[0]
	}
	return fmt.Sprintf("%s … (%d lines)", a[0], len(a))
}

func shorten(data []byte) string {
	if len(data) <= 64 {
		return string(data)
	}
	return fmt.Sprintf("%s… (%d bytes, sum %x)", data[:32], len(data), crc32.ChecksumIEEE(data))
}
