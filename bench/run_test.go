package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
)

// tiny are options with which everything is over in a moment.
func tiny(t *testing.T) Options {
	return Options{
		Clients: []int{1, 3}, Duration: 5 * time.Millisecond, WarmUp: time.Millisecond, Floor: 2 * time.Millisecond,
		Runs: 2, Size: 64, Streams: 3, Rate: 5000, Dir: t.TempDir(), floorFileBytes: 1 << 20,
	}
}

// onMemory are the workloads for a store that has neither groups nor histories.
func onMemory() []string {
	return slices.DeleteFunc(slices.Clone(Workloads), func(w string) bool { return w == "group" || w == "mixed" })
}

func collect(t *testing.T, store firn.Store, o Options) []Result {
	t.Helper()
	var all []Result
	err := Run(t.Context(), store, o, func(r Result) error { all = append(all, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRun(t *testing.T) {
	o := tiny(t)
	o.Nodes = 3
	doing := map[string]bool{}
	o.Progress = func(p Progress) { doing[fmt.Sprintf("%s %d %s", p.Workload, p.Clients, p.Doing)] = true }
	o.Workloads = onMemory()[:2]
	results := collect(t, firn.Memory(), o)
	o.Workloads = onMemory()[2:] // of a store as small as they need it
	results = append(results, collect(t, firn.Memory(), o)...)
	var order []string
	for _, r := range results {
		order = append(order, r.Workload+strings.Repeat("+", r.Clients))
		if r.Nodes != 3 || r.EventsPerS <= 0 || r.FloorPerS <= 0 && r.FloorUs <= 0 || r.Ratio <= 0 || r.SyncUs <= 0 {
			t.Errorf("%s, %d clients: a figure is missing in %+v", r.Workload, r.Clients, r)
		}
		if r.Errors != 0 || r.LastError != nil {
			t.Errorf("%s, %d clients: %d errors, the last: %v", r.Workload, r.Clients, r.Errors, r.LastError)
		}
		if !(r.P50us <= r.P90us && r.P90us <= r.P99us && r.P99us <= r.P999us && r.P999us <= r.MaxUs && r.MaxUs > 0) {
			t.Errorf("%s, %d clients: percentiles out of order in %+v", r.Workload, r.Clients, r)
		}
		if slices.Contains([]string{"subscribe", "interference"}, r.Workload) != (r.FloorUs > 0) {
			t.Errorf("%s has a floor of %v µs", r.Workload, r.FloorUs)
		}
		if !slices.Contains([]string{"append", "batch"}, r.Workload) && r.Streams < o.Streams {
			t.Errorf("%s found %d streams, want at least %d", r.Workload, r.Streams, o.Streams)
		}
	}
	if want := "append+ append+++ batch+ batch+++ load+ load+++ scan+ scan+++ category+ category+++ category-rare+ category-rare+++ catch-up+ subscribe+ subscribe+++ interference+ interference+++"; strings.Join(order, " ") != want {
		t.Errorf("figures came as %s, want %s", strings.Join(order, " "), want)
	}
	for _, want := range []string{"append 1 warm-up", "batch 3 floor", "load 1 run 1 of 2", "scan 3 run 2 of 2", "category-rare 3 run 1 of 2", "subscribe 3 floor"} {
		if !doing[want] {
			t.Errorf("progress did not say %q", want)
		}
	}
	left, err := os.ReadDir(o.Dir)
	if err != nil || len(left) > 0 {
		t.Errorf("the floor left %v behind (error: %v)", left, err)
	}
}

// The keys of a line are what scripts rely on.
func TestResultJSON(t *testing.T) {
	line, err := json.Marshal(Result{Workload: "append", Nodes: 3, Clients: 16, Size: 256, Streams: 7, EventsPerS: 41000, P50us: 380.1,
		P90us: 1, P99us: 2, P999us: 3, MaxUs: 4, FloorPerS: 82000, Ratio: 0.5, Errors: 1, SyncUs: 161.5, Commit: "abc",
		CPU: 1.5, MemoryBytes: 7, WrittenPerStored: 2.5, ClientIncluded: true, Events: 1234,
		Length: 100, Shape: "S", Skew: 1.1, Arrivals: 500, Unmade: 9, Kinds: []Kind{{"history", 5, 1, 2, 3, 4, 5}},
		Spread: 0.1, Unsteady: 1, LastError: errors.New("not in the line")})
	want := `{"workload":"append","nodes":3,"clients":16,"size":256,"streams":7,"events_per_s":41000,"p50_us":380.1,` +
		`"p90_us":1,"p99_us":2,"p999_us":3,"max_us":4,"floor_per_s":82000,"ratio":0.5,"errors":1,"sync_us":161.5,"commit":"abc",` +
		`"cpu":1.5,"memory_bytes":7,"written_per_stored":2.5,"client_included":true,"events":1234,` +
		`"length":100,"shape":"S","skew":1.1,"arrivals_per_s":500,"unmade":9,` +
		`"kinds":[{"kind":"history","calls":5,"p50_us":1,"p90_us":2,"p99_us":3,"p999_us":4,"max_us":5}]}`
	if err != nil || string(line) != want {
		t.Errorf("got  %s (error: %v)\nwant %s", line, err, want)
	}
}

// Streams that an earlier run has finished are read, not written again.
func TestLoadFindsEarlierStreams(t *testing.T) {
	store := firn.Memory()
	o := tiny(t)
	o.Workloads, o.Clients = []string{"load"}, []int{1}
	collect(t, store, o)
	head, _, _ := store.Head(t.Context(), firn.Consistency{})
	if want := firn.Position(o.Streams * StreamEvents); head != want {
		t.Fatalf("the first run wrote %d events, want %d", head, want)
	}
	again := collect(t, store, o)
	if after, _, _ := store.Head(t.Context(), firn.Consistency{}); after != head {
		t.Errorf("the second run wrote %d events; it was to find those of the first", after-head)
	}
	if again[0].Streams != o.Streams {
		t.Errorf("the second run knew %d streams, want %d", again[0].Streams, o.Streams)
	}
	o.Streams += 2
	collect(t, store, o)
	if after, _, _ := store.Head(t.Context(), firn.Consistency{}); after != head+2*StreamEvents {
		t.Errorf("two more streams took %d events, want %d", after-head, 2*StreamEvents)
	}
}

// faulty is a store some of whose answers are wrong.
type faulty struct {
	firn.Store
	appends atomic.Int64
	answer  func(n int64, done firn.Appended, err error) (firn.Appended, error)
}

func (f *faulty) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	done, err := f.Store.Append(ctx, writes...)
	return f.answer(f.appends.Add(1), done, err)
}

func TestErrorsAreCounted(t *testing.T) {
	for name, answer := range map[string]func(n int64, done firn.Appended, err error) (firn.Appended, error){
		"failed": func(n int64, done firn.Appended, err error) (firn.Appended, error) {
			if n%3 == 0 {
				return firn.Appended{}, firn.Errorf(firn.ErrUnknown, "planted")
			}
			return done, err
		},
		"wrong revision": func(n int64, done firn.Appended, err error) (firn.Appended, error) {
			if n%3 == 0 {
				done.Writes[0].FirstRevision++
			}
			return done, err
		},
		"repeated": func(n int64, done firn.Appended, err error) (firn.Appended, error) {
			done.Repeated = n%3 == 0
			return done, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := tiny(t)
			o.Workloads, o.Clients, o.Runs = []string{"append"}, []int{2}, 1
			o.Duration = 3 * errorPause // room for a pause and what follows it
			r := collect(t, &faulty{Store: firn.Memory(), answer: answer}, o)[0]
			if r.Errors == 0 || r.LastError == nil || r.EventsPerS == 0 {
				t.Errorf("%d errors (last: %v), %v events/s; want some of each", r.Errors, r.LastError, r.EventsPerS)
			}
		})
	}
}

// Clients are shared out evenly among the connections.
func TestConnections(t *testing.T) {
	o := tiny(t)
	o.Workloads, o.Clients = []string{"append"}, []int{4}
	same := func(_ int64, done firn.Appended, err error) (firn.Appended, error) { return done, err }
	store := firn.Memory()
	first, second := &faulty{Store: store, answer: same}, &faulty{Store: store, answer: same}
	o.Connections = []firn.Store{second}
	collect(t, first, o)
	if first.appends.Load() == 0 || second.appends.Load() == 0 {
		t.Errorf("%d appends by the first connection, %d by the second; want some by each", first.appends.Load(), second.appends.Load())
	}
}

// A store that answers nothing is an error at once, not a figure of zero.
func TestNothingSucceeds(t *testing.T) {
	refuse := func(int64, firn.Appended, error) (firn.Appended, error) {
		return firn.Appended{}, firn.Errorf(firn.ErrUnavailable, "planted: no leader")
	}
	for _, workload := range onMemory() {
		o := tiny(t)
		o.Workloads = []string{workload}
		err := Run(t.Context(), &faulty{Store: firn.Memory(), answer: refuse}, o, func(r Result) error {
			t.Errorf("%s: a result came: %+v", workload, r)
			return nil
		})
		figure := workload
		if workload == "subscribe" {
			figure = "catch-up" // which comes first
		}
		if !errors.Is(err, firn.ErrUnavailable) || !strings.Contains(err.Error(), figure) {
			t.Errorf("%s: got %v, want the store's own error and the workload's name", workload, err)
		}
	}
}

func TestRunEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := tiny(t)
	o.Duration, o.Workloads = time.Hour, []string{"append"}
	hang := func(n int64, done firn.Appended, err error) (firn.Appended, error) {
		if n == 20 {
			cancel()
		}
		return done, err
	}
	err := Run(ctx, &faulty{Store: firn.Memory(), answer: hang}, o, func(Result) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestEmitEndsTheRun(t *testing.T) {
	full := errors.New("the pipe is closed")
	emitted := 0
	err := Run(t.Context(), firn.Memory(), tiny(t), func(Result) error { emitted++; return full })
	if !errors.Is(err, full) || emitted != 1 {
		t.Errorf("emitted %d times, error %v; want once and emit's own error", emitted, err)
	}
}

// A run between two floors that differ is made again, a bounded number of
// times, and says so when it stays unsteady.
func TestUnsteadyFloorsRepeatTheRun(t *testing.T) {
	for _, test := range []struct {
		name     string
		floors   []int // events of each floor's only call; the last one stays
		runs     int   // made in all, for two that count
		unsteady int
	}{
		{"steady", []int{1000}, 2, 0},
		{"one disturbed floor", []int{1000, 100, 1000}, 4, 0},
		{"a lasting change", []int{1000, 100}, 3, 0},
		{"never steady", []int{1, 10, 1, 10, 1, 10, 1, 10, 1}, 8, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, err := tiny(t).withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			made, floors := 0, test.floors
			f := figure{bench: &bench{o: o}, clients: 1}
			f.workload.drive = calls(func(int) call {
				made++
				return func(_ context.Context, lap func(int) bool) error { lap(1); return nil }
			})
			rates := func() (rate int) {
				rate = floors[0]
				if len(floors) > 1 {
					floors = floors[1:]
				}
				return rate
			}
			runs, err := f.runs(t.Context(), func(context.Context) (float64, error) { return float64(rates()), nil })
			var r Result
			r.summarize(runs, 0, nil)
			if err != nil || made != test.runs || len(runs) != 2 || r.Unsteady != test.unsteady {
				t.Errorf("%d runs made, %d counted, %d unsteady (error: %v); want %d, 2, %d", made, len(runs), r.Unsteady, err, test.runs, test.unsteady)
			}
		})
	}
}

func TestOptionsNameAllFaultsAtOnce(t *testing.T) {
	err := Run(t.Context(), nil, Options{
		Workloads: []string{"append", "sacn"}, Clients: []int{0, 1, 100_000}, Duration: -time.Second, Runs: -1, Size: 1 << 20, Streams: -5, Rate: -7,
		Events: -3, Lengths: []int{0, 100}, Shape: "X", Skew: -1, Arrivals: -2, Sizes: []int{50, 40},
	}, nil)
	if !errors.Is(err, firn.ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
	for _, part := range []string{`"sacn"`, "append, batch, load, scan, category, subscribe, group, mixed, interference and growth", "0 clients", "100000 clients", "negative", "-1 runs", "1048576 bytes", "-5 streams", "-7 appends",
		"-3 events", "streams of 0 events", `both lengths and the shape "X"`, `no shape "X"`, "a skew of -1", "a store of 40 events", "-2 calls per second"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	err = Run(t.Context(), nil, Options{Workloads: []string{"batch"}, Clients: []int{5000}, Size: SizeMax}, nil)
	if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), "batch with 5000 clients has") {
		t.Errorf("too much in flight: got %v", err)
	}
	err = Run(t.Context(), nil, Options{Workloads: []string{"load"}, Clients: []int{100}, Lengths: []int{10, 100_000}}, nil)
	if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), "load with 100 clients has") {
		t.Errorf("too much in flight: got %v", err)
	}
}
