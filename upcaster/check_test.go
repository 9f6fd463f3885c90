package upcaster_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

// history yields events of three types; every 10th of type T fails.
func history(from, n int) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		for i := from; i < from+n; i++ {
			e := firn.Event{Stream: fmt.Sprint("s-", i%7), Position: firn.Position(i + 1), Type: "T", Schema: uint32(i % 2), ContentType: firn.JSON, Data: []byte(`{"n":"1.50"}`)}
			switch {
			case i%3 == 1:
				e.Type = "Other"
			case i%3 == 2:
				e.Schema = 2
			case i%10 == 0:
				e.Data = []byte(`{"n":"x"}`)
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestCheck(t *testing.T) {
	r := registry(t, steps(t, "{type: T, from: 1, to: 2, convert: {/n: number}}"))
	const n = 30_000
	cut := 1 + rand.IntN(n-1)
	for name, sources := range map[string][]iter.Seq2[firn.Event, error]{
		"one source":               {history(0, n)},
		fmt.Sprint("cut at ", cut): {history(cut, n-cut), history(0, cut)},
		"many":                     {history(25_000, 5_000), history(0, 5_000), history(5_000, 5_000), history(20_000, 5_000), history(10_000, 10_000)},
	} {
		last := uint64(0)
		report, err := upcaster.Check(t.Context(), r, upcaster.CheckOptions{Failures: 5, Samples: 2, Workers: 3, Progress: func(seen uint64) {
			if seen < last {
				t.Errorf("progress went back from %d to %d", last, seen)
			}
			last = seen
		}}, sources...)
		if err != nil {
			t.Fatal(name, err)
		}
		if last != n || report.Events != n || report.Changed != 9000 || report.Failed != 1000 || report.Uncounted != 0 {
			t.Errorf("%s: seen %d, report %d events, %d changed, %d failed", name, last, report.Events, report.Changed, report.Failed)
		}
		text := ""
		for _, c := range report.Counts {
			text += fmt.Sprintf("%s %d: %d %d %d\n", c.Type, c.Schema, c.Events, c.Changed, c.Failed)
		}
		for _, f := range report.Failures {
			text += fmt.Sprintf("@%d %s %s: %s\n", f.Event.Position, f.Event.Stream, f.Event.Data, f.Err.Reason)
		}
		for _, s := range report.Samples {
			text += fmt.Sprintf("@%d %d %s -> %d %s\n", s.Before.Position, s.Before.Schema, s.Before.Data, s.After.Schema, s.After.Data)
		}
		const want = `Other 1: 10000 0 0
T 1: 10000 9000 1000
T 2: 10000 0 0
@1 s-0 {"n":"x"}: number: "x" is no number as JSON writes them
@31 s-2 {"n":"x"}: number: "x" is no number as JSON writes them
@61 s-4 {"n":"x"}: number: "x" is no number as JSON writes them
@91 s-6 {"n":"x"}: number: "x" is no number as JSON writes them
@121 s-1 {"n":"x"}: number: "x" is no number as JSON writes them
@4 1 {"n":"1.50"} -> 2 {"n":1.50}
@7 0 {"n":"1.50"} -> 2 {"n":1.50}
`
		if text != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, text, want)
		}
	}
}

func TestCheckEnds(t *testing.T) {
	r := registry(t)
	broken := errors.New("the disk is gone")
	_, err := upcaster.Check(t.Context(), r, upcaster.CheckOptions{}, history(0, 100_000), func(yield func(firn.Event, error) bool) { yield(firn.Event{}, broken) })
	if !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = upcaster.Check(ctx, r, upcaster.CheckOptions{Progress: func(uint64) { cancel() }}, func(yield func(firn.Event, error) bool) {
		for yield(firn.Event{Stream: "s", Type: "T"}, nil) {
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	report, err := upcaster.Check(t.Context(), r, upcaster.CheckOptions{})
	if err != nil || report.Events != 0 {
		t.Errorf("no sources: %+v, %v", report, err)
	}
}

// What is kept is bounded, however large the events are and however many types
// there are.
func TestCheckIsBounded(t *testing.T) {
	r := registry(t, steps(t, "{type: T, from: 1, to: 2, convert: {/n: number}}"))
	big := []byte(`{"n":"x","text":"` + strings.Repeat("x", upcaster.KeptDataBytes) + `"}`)
	report, err := upcaster.Check(t.Context(), r, upcaster.CheckOptions{}, func(yield func(firn.Event, error) bool) {
		for i := range upcaster.CountsMax + 3 {
			if !yield(firn.Event{Stream: "s", Position: 1, Type: fmt.Sprint("X", i)}, nil) {
				return
			}
		}
		yield(firn.Event{Stream: "s", Position: 2, Type: "T", ContentType: firn.JSON, Data: big}, nil)
		yield(firn.Event{Stream: "s", Position: 3, Type: "T", ContentType: firn.JSON, Data: []byte(strings.Replace(string(big), `"n":"x"`, `"n":"1"`, 1))}, nil)
	})
	if err != nil || len(report.Counts) != upcaster.CountsMax || report.Uncounted < 3 || len(report.Samples) != 0 {
		t.Fatalf("%d counts, %d uncounted, %d samples, %v", len(report.Counts), report.Uncounted, len(report.Samples), err)
	}
	if len(report.Failures) != 1 || report.Failures[0].Event.Data != nil || report.Failures[0].Event.Position != 2 {
		t.Errorf("failures: %.500v", report.Failures)
	}
}
