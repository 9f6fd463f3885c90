package bench

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/firndb/firn"
)

func TestGrowth(t *testing.T) {
	store := firn.Memory()
	o := tiny(t)
	restarts := 0
	o.Workloads, o.Clients, o.Sizes = []string{Growth}, []int{2}, []int{100, 300}
	o.Restart = func(context.Context) (time.Duration, error) { restarts++; return 20 * time.Millisecond, nil }
	var names []string
	filled := map[string]Result{}
	for _, r := range collect(t, store, o) {
		names = append(names, r.Workload)
		filled[r.Workload] = r
		if r.Errors > 0 || r.Events == 0 {
			t.Errorf("%s: %+v", r.Workload, r)
		}
	}
	if want := []string{"fill-100", "append-100", "load-100", "start-100", "fill-300", "append-300", "load-300", "start-300"}; !slices.Equal(names, want) {
		t.Errorf("figures %v, want %v", names, want)
	}
	if a, b := filled["fill-100"], filled["fill-300"]; a.Streams != 5 || b.Streams != 15 || a.EventsPerS <= 0 || b.EventsPerS <= 0 || a.Length != 20 {
		t.Errorf("filled %+v, then %+v; want 5 and 15 streams of 20 events", a, b)
	}
	if s := filled["start-300"]; s.P50us < 19_900 || s.P50us > 20_100 || restarts != 2*o.Runs {
		t.Errorf("%d starts, %v µs; want %d of 20 ms", restarts, s.P50us, 2*o.Runs)
	}
	planted := errors.New("planted")
	o.Restart = func(context.Context) (time.Duration, error) { return 0, planted }
	if err := Run(t.Context(), store, o, func(Result) error { return nil }); !errors.Is(err, planted) {
		t.Errorf("nodes that do not start: %v", err)
	}
}

// A scan that fails is an error of the figure.
func TestInterferenceScanFails(t *testing.T) {
	o, err := tiny(t).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(o, firn.Memory())
	b.stores[0] = unreadable{b.stores[0]}
	m := b.interference().drive(t.Context(), stretch{duration: time.Millisecond, clients: 2})
	for m.errors == 0 && t.Context().Err() == nil { // the scan had no turn
		m = b.interference().drive(t.Context(), stretch{duration: 50 * time.Millisecond, clients: 2})
	}
	if !errors.Is(m.lastError, firn.ErrDamaged) || m.events == 0 {
		t.Errorf("%d errors, the last: %v, %d events", m.errors, m.lastError, m.events)
	}
}

// unreadable is a store that cannot be read.
type unreadable struct{ firn.Store }

func (unreadable) Read(context.Context, firn.Query) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		yield(firn.Event{}, firn.Errorf(firn.ErrDamaged, "planted"))
	}
}

func TestMagnitude(t *testing.T) {
	for n, want := range map[int]string{20_000_000: "20M", 50_000: "50k", 1_500_000: "1500k", 77: "77"} {
		if got := magnitude(n); got != want {
			t.Errorf("%d is printed as %s, want %s", n, got, want)
		}
	}
}
