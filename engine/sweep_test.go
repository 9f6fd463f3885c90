package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/testenv"
)

// A store from which what is gone was removed answers as one in which it still
// lies: to entries, whichever they are and however old what they repeat, and to
// every read, of now and of every moment.
func TestSweptAnswersLikeUnswept(t *testing.T) {
	seed := testenv.Seed(t)
	removed := uint64(0)
	for round := range uint64(3) {
		removed += sweptLikeUnswept(t, seed+round)
	}
	if removed == 0 {
		t.Error("nothing was removed")
	}
}

func sweptLikeUnswept(t *testing.T, seed uint64) (removed uint64) {
	settings := engine.Settings{LayerEvents: 20, Window: 60}
	rng := rand.New(rand.NewPCG(seed, 11))
	log := scavengedEntries(rng, 120)
	unswept := openOn(t, vfs.NewMem(), settings)
	defer unswept.Close()
	fs := vfs.NewCrashableMem()
	swept := openOn(t, fs, settings)
	defer func() { swept.Close() }()
	results := make([]string, len(log))
	for at := 0; at < len(log); {
		n := min(1+rng.IntN(20), len(log)-at)
		for _, e := range []*engine.Engine{unswept, swept} {
			if rng.IntN(2) == 0 {
				e.ForgetStates()
			}
			answered, err := e.Apply(log[at : at+n])
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for i := range answered {
				got := resultLines(answered[i])
				if answered[i] != nil && results[at+i] != "" && got != results[at+i] {
					t.Fatalf("seed %d: entry %d answered\n%s\nwhere nothing is removed\n%s", seed, at+i, got, results[at+i])
				}
				if answered[i] != nil {
					results[at+i] = got
				}
			}
		}
		at += n
		if rng.IntN(3) == 0 {
			ctx, cancel := context.WithCancel(t.Context())
			left := rng.IntN(8)
			done, err := swept.Sweep(ctx, func(context.Context, engine.Swept, uint64) error {
				if left--; left < 0 { // cut off in the middle
					cancel()
				}
				return nil
			})
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			removed += done.Events
		}
		if rng.IntN(6) == 0 {
			if rng.IntN(2) == 0 {
				if _, _, err := swept.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[rng.IntN(3)], RNG: rng})
			swept.Close()
			fs = after
			swept = openOn(t, fs, settings)
			if _, err := swept.Apply(log[:at]); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if rng.IntN(3) == 0 {
			rng := rng.Uint64()
			if want, got := told(unswept, rng, at), told(swept, rng, at); want != got {
				t.Fatalf("seed %d, after entry %d: the store reads\n%s\nwhere nothing is removed\n%s", seed, at, got, want)
			}
		}
	}
	_, a := unswept.Chain()
	_, b := swept.Chain()
	if a != b {
		t.Errorf("seed %d: the chains are %016x and %016x", seed, a, b)
	}
	for _, e := range []*engine.Engine{unswept, swept} {
		report, err := e.Verify(t.Context(), nil)
		if err != nil || len(report.Faults) > 0 {
			t.Fatalf("seed %d: verify: %v %v", seed, err, report.Faults)
		}
	}
	return removed
}

// scavengedEntries is like entriesOf, with much that hides events.
func scavengedEntries(rng *rand.Rand, n int) (log []engine.Entry) {
	id := func() firn.ID { return randomID(rng) }
	var sent []command.Item
	item := func() command.Item {
		if len(sent) > 0 && rng.IntN(5) == 0 {
			return sent[rng.IntN(len(sent))]
		}
		stream := fmt.Appendf(nil, "%s-%d", []string{"a", "b"}[rng.IntN(2)], rng.IntN(5))
		age := time.Duration(rng.Uint64N(400)) * time.Millisecond
		switch rng.IntN(12) {
		case 0:
			life := []firn.Life{
				firn.Delete{}, firn.Delete{}, firn.Truncate{Before: firn.Revision(rng.IntN(30))}, firn.Limits{MaxCount: rng.Uint64N(9)}, firn.Limits{MaxAge: age}, firn.Limits{}, firn.Metadata{Data: []byte(`{}`)},
			}[rng.IntN(7)]
			if rng.IntN(60) == 0 {
				life = firn.Tombstone{}
			}
			return &command.Change{ID: id(), Stream: stream, Expect: firn.Any, Life: life}
		case 1:
			if rng.IntN(4) == 0 {
				return &command.Change{ID: id(), Stream: []byte(firn.CategoriesStream), Life: firn.Limits{Category: "b", MaxAge: age, MaxCount: rng.Uint64N(20)}}
			}
			return &command.Scavenge{ID: id()}
		}
		w := command.Write{Stream: stream, Expect: []firn.Expectation{firn.Any, firn.Any, firn.None, firn.At(firn.Revision(rng.IntN(40)))}[rng.IntN(4)]}
		for range 1 + rng.IntN(5) {
			d := firn.Draft{ID: id(), Type: fmt.Sprint("T", rng.IntN(3)), Data: make([]byte, rng.IntN(50)), CorrelationID: fmt.Sprint("c", rng.IntN(9))}
			w.Records = append(w.Records, record.AppendDraft(nil, &d))
		}
		return &command.Append{Actor: []byte("a"), Writes: []command.Write{w}}
	}
	for i := range n {
		var items [][]byte
		for range 1 + rng.IntN(4) {
			x := item()
			sent = append(sent, x)
			items = append(items, command.AppendItem(nil, x))
		}
		log = append(log, engine.Entry{Index: uint64(i + 1), Term: 1, Data: command.AppendEntry(nil, int64(1_000_000+i*3000+rng.IntN(3000)), items...)})
	}
	return log
}

// told is what some reads say.
func told(e *engine.Engine, seed uint64, entries int) string {
	rng := rand.New(rand.NewPCG(seed, 12))
	head, _ := e.Head()
	now := record.Time(int64(1_000_000 + entries*3000 + rng.IntN(300_000)))
	point := func() firn.Point {
		switch rng.IntN(4) {
		case 0:
			return firn.PositionPoint(firn.Position(rng.Uint64N(uint64(head) + 2)))
		case 1:
			return firn.MomentPoint(record.Time(int64(1_000_000 + rng.IntN(entries*3000+1))))
		}
		return firn.Point{}
	}
	var b strings.Builder
	read := func(q firn.Query) {
		fmt.Fprintf(&b, "%+v:", q)
		for ev, err := range e.Read(context.Background(), q, now) {
			if err != nil {
				fmt.Fprintf(&b, " %v", err)
				break
			}
			fmt.Fprintf(&b, " %d=%s/%d", ev.Position, ev.Stream, ev.Revision)
		}
		b.WriteByte('\n')
	}
	for _, stream := range []string{"a-0", "a-1", "a-2", "a-3", "a-4", "b-0", "b-1", "b-2", "b-3", "b-4"} {
		at := point()
		if rng.IntN(4) == 0 {
			at = firn.RevisionPoint(firn.Revision(rng.IntN(40)))
		}
		read(firn.Query{Stream: stream, Bound: at, From: point(), Backwards: rng.IntN(2) == 0})
		info, err := e.Stream(context.Background(), stream, at, now)
		fmt.Fprintf(&b, "%s at %v: %+v %v\n", stream, at, info, err)
	}
	for range 3 {
		read(firn.Query{All: true, Bound: point(), From: point(), Backwards: rng.IntN(2) == 0, System: rng.IntN(2) == 0})
		read(firn.Query{Category: "b", Bound: point(), From: point(), Limit: uint64(rng.IntN(20))})
		read(firn.Query{Correlation: fmt.Sprint("c", rng.IntN(9)), Bound: point()})
		at := point()
		p, open, err := e.Resolve(at, now)
		fmt.Fprintf(&b, "%v is %d %t %v\n", at, p, open, err)
	}
	f, err := e.Follow(firn.Query{All: true, From: firn.PositionPoint(1)})
	for err == nil {
		var batch engine.Batch
		if batch, err = f.Next(context.Background(), now); err == nil && batch.Head {
			break
		}
		for _, ev := range batch.Events {
			fmt.Fprintf(&b, " %d", ev.Position)
		}
	}
	f.Rest()
	fmt.Fprintf(&b, " followed: %v\n", err)
	return b.String()
}
