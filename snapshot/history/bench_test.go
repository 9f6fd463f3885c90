package history_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
)

const long = 100_000

func benchmark(b *testing.B, look func(b *testing.B, n int)) {
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		look(b, n*7919%long)
		n++
	}
}

func longPast() []firn.Event {
	events := make([]firn.Event, long)
	for i := range events {
		events[i] = event(i, "T", fmt.Sprintf(`{"n":%d,"total":%d.10,"items":{"item-%d":{"sku":"a-17","count":%d}}}`, i, i%977, i%20, i))
	}
	return events
}

func BenchmarkStateAt(b *testing.B) {
	p, m := past(snapshot.Merge, longPast()...)
	m.State(context.Background(), long)
	benchmark(b, func(b *testing.B, n int) {
		if _, err := p.Source.State(context.Background(), uint64(n)); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkBisect(b *testing.B) {
	p, m := past(snapshot.Merge, longPast()...)
	m.State(context.Background(), long)
	benchmark(b, func(b *testing.B, n int) {
		c := condition(b, fmt.Sprintf(".n >= %d", n))
		if got, err := p.Bisect(context.Background(), c); err != nil || int(got.Event.Revision) != n {
			b.Fatal(got, err)
		}
	})
}

func BenchmarkBlame(b *testing.B) {
	p, m := past(snapshot.Merge, longPast()...)
	m.State(context.Background(), long)
	benchmark(b, func(b *testing.B, n int) {
		if _, err := p.Blame(context.Background(), ""); err != nil {
			b.Fatal(err)
		}
	})
}
