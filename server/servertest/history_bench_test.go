package servertest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/snapshot"
)

// BenchmarkTimeTravel asks a node, over TCP, about the past of a stream of
// 100,000 events, with the snapshots that the store has made of it by itself:
//
//	short    the state of a stream of 100 events, but for the last, so that no
//	         snapshot helps
//	random   the state at 50 random revisions; worst/short and bare/worst are the
//	         figures that are promised to stay below 2 and above 50
//	bare     the state without snapshots
//	middle   the state in the middle
//	bisect   after which event a condition came to hold
func BenchmarkTimeTravel(b *testing.B) {
	const long = 100_000
	db := servertest.Start(b, 1).Dial()
	fill := func(stream string, events int) {
		for n := 0; n < events; {
			var drafts []firn.Draft
			for ; n < events && len(drafts) < 1000; n++ {
				drafts = append(drafts, firn.Draft{Type: "T", Data: fmt.Appendf(nil, `{"n":%d,"total":%d.10,"items":{"item-%d":{"sku":"a-17","count":%d}}}`, n, n%977, n%20, n)})
			}
			if _, err := db.Append(b.Context(), firn.To(stream, firn.Any, drafts...)); err != nil {
				b.Fatal(err)
			}
		}
	}
	fill("order-long", long)
	fill("order-short", 100)
	state := func(stream string, revision int) time.Duration {
		begun := time.Now()
		s, err := db.State(b.Context(), firn.StateQuery{Stream: stream, At: firn.RevisionPoint(firn.Revision(revision))})
		if err != nil || int(s.Revision) != revision {
			b.Fatal(s, err)
		}
		return time.Since(begun)
	}
	begun := time.Now()
	loaded, err := db.Load(b.Context(), firn.LoadQuery{Stream: "order-long", Fold: "bare"})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := snapshot.Compute(b.Context(), snapshot.Merge, nil, loaded.Events); err != nil {
		b.Fatal(err)
	}
	bare := time.Since(begun)
	state("order-long", long-1) // leaves its snapshots behind
	awaitTails(b, db, "order-long", firn.MergeFold)

	b.Run("short", func(b *testing.B) {
		for b.Loop() {
			state("order-short", 98)
		}
	})
	b.Run("random", func(b *testing.B) {
		for b.Loop() {
			var short, taken []time.Duration
			for range 50 {
				short = append(short, state("order-short", 98))
				taken = append(taken, state("order-long", rand.IntN(long)))
			}
			slices.Sort(short)
			slices.Sort(taken)
			b.ReportMetric(float64(taken[25].Microseconds()), "p50-µs")
			b.ReportMetric(float64(taken[49].Microseconds()), "worst-µs")
			b.ReportMetric(float64(taken[49])/float64(short[49]), "worst/worst-short")
			b.ReportMetric(float64(taken[25])/float64(short[25]), "p50/p50-short")
			b.ReportMetric(float64(bare)/float64(taken[49]), "bare/worst")
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportMetric(float64(bare.Milliseconds()), "ms")
	})
	b.Run("middle", func(b *testing.B) {
		for b.Loop() {
			state("order-long", long/2)
		}
	})
	b.Run("bisect", func(b *testing.B) {
		for b.Loop() {
			n := rand.IntN(long)
			found, err := db.Bisect(b.Context(), firn.BisectQuery{
				StateQuery: firn.StateQuery{Stream: "order-long"}, Where: fmt.Sprintf(".n >= %d", n),
			})
			if err != nil || !found.Found || int(found.Event.Revision) != n {
				b.Fatal(found, err)
			}
		}
	})
}
