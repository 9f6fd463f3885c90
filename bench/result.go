package bench

import (
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is one figure: one workload with one number of clients. Its JSON is
// one line of `firn bench -o json`.
type Result struct {
	Workload   string  `json:"workload"`
	Nodes      int     `json:"nodes"` // 0: not known
	Clients    int     `json:"clients"`
	Size       int     `json:"size"`         // bytes of an event's data
	Streams    int     `json:"streams"`      // finished streams in the store at the end of the last run
	EventsPerS float64 `json:"events_per_s"` // median of the runs
	P50us      float64 `json:"p50_us"`       // latencies of all runs' calls
	P90us      float64 `json:"p90_us"`
	P99us      float64 `json:"p99_us"`
	P999us     float64 `json:"p999_us"`
	MaxUs      float64 `json:"max_us"`
	FloorPerS  float64 `json:"floor_per_s"`        // events/s, median of the floors around the runs; 0 where FloorUs is set, and where there is none
	FloorUs    float64 `json:"floor_us,omitempty"` // likewise, where what counts is a latency
	Ratio      float64 `json:"ratio"`              // median of each run's events/s, or latency, ÷ its own floor
	Errors     int64   `json:"errors"`             // calls that failed, or got a wrong answer
	SyncUs     float64 `json:"sync_us"`            // one pwrite of 4 KiB and one fdatasync, median
	Commit     string  `json:"commit"`             // that the program was built from; "" where it does not say

	CPU              float64 `json:"cpu,omitempty"`                // cores that the nodes kept busy; 0, as the next two: not known
	MemoryBytes      uint64  `json:"memory_bytes,omitempty"`       // of the nodes, the most at the end of a run
	WrittenPerStored float64 `json:"written_per_stored,omitempty"` // bytes that the nodes sent to their disks during the runs ÷ bytes of the events' records that came to be stored, where that is 4 MiB or more
	ClientIncluded   bool    `json:"client_included,omitempty"`    // the clients' CPU and memory are in these figures

	Events   uint64  `json:"events"`                   // in the store, afterwards; 0: not known
	Length   int     `json:"length"`                   // events of a stream
	Shape    string  `json:"shape,omitempty"`          // S, D or G, of the streams that were read
	Skew     float64 `json:"skew,omitempty"`           // of the draws; 0: uniform
	Arrivals int     `json:"arrivals_per_s,omitempty"` // calls that were due; 0: each client waited for its answer
	Unmade   int64   `json:"unmade,omitempty"`         // of them, those that were not begun by the end of their run
	Kinds    []Kind  `json:"kinds,omitempty"`          // of calls, where there are several

	Spread    float64 `json:"-"` // (fastest − slowest run) ÷ median
	Unsteady  int     `json:"-"` // runs whose two floors differed by more than a fifth to the last
	LastError error   `json:"-"`
}

// Kind is one kind of a workload's calls, over all runs.
type Kind struct {
	Kind   string  `json:"kind"`
	Calls  int64   `json:"calls"`
	P50us  float64 `json:"p50_us"`
	P90us  float64 `json:"p90_us"`
	P99us  float64 `json:"p99_us"`
	P999us float64 `json:"p999_us"`
	MaxUs  float64 `json:"max_us"`
}

// run is what one run of a figure gave.
type run struct {
	measured
	used   used
	floor  float64 // mean of the floor before and the floor after
	steady bool
}

// ratio holds the run against its floor: by a percentile of its latencies, or
// for 0 by events/s.
func (r *run) ratio(percentile float64) float64 {
	switch {
	case r.floor == 0:
		return 0
	case percentile > 0:
		return quantile(r.latencies, percentile) / r.floor
	}
	return r.perS() / r.floor
}

// summarize fills in what follows from the runs, whose floors are a percentile of
// latencies in µs, or for 0 events/s.
func (r *Result) summarize(runs []run, percentile float64, kinds []string) {
	all := measured{latencies: newLatencies()}
	var rates, floors, ratios []float64
	for i := range runs {
		one := &runs[i]
		all.latencies.Merge(one.latencies)
		all.mergeKinds(one.kinds)
		rates = append(rates, one.perS())
		floors = append(floors, one.floor)
		ratios = append(ratios, one.ratio(percentile))
		r.Errors += one.errors
		r.Unmade += one.unmade
		if one.lastError != nil {
			r.LastError = one.lastError
		}
		if !one.steady {
			r.Unsteady++
		}
	}
	r.EventsPerS = math.Round(median(rates))
	if percentile > 0 {
		r.FloorUs = round(median(floors), 10)
	} else {
		r.FloorPerS = math.Round(median(floors))
	}
	r.Ratio = round(median(ratios), 1e4)
	if r.EventsPerS > 0 {
		r.Spread = (slices.Max(rates) - slices.Min(rates)) / median(rates)
	}
	r.summarizeUsage(runs)
	total := kindOf("", all.latencies)
	r.P50us, r.P90us, r.P99us, r.P999us, r.MaxUs = total.P50us, total.P90us, total.P99us, total.P999us, total.MaxUs
	for i, h := range all.kinds {
		r.Kinds = append(r.Kinds, kindOf(kinds[i], h))
	}
}

func kindOf(name string, h *hdrhistogram.Histogram) Kind {
	return Kind{
		Kind: name, Calls: h.TotalCount(),
		P50us: quantile(h, 50), P90us: quantile(h, 90), P99us: quantile(h, 99), P999us: quantile(h, 99.9), MaxUs: quantile(h, 100),
	}
}

// quantile returns a percentile in µs, to a tenth of one.
func quantile(h *hdrhistogram.Histogram, percent float64) float64 {
	if h.TotalCount() == 0 {
		return 0
	}
	return round(float64(h.ValueAtPercentile(percent))/1e3, 10)
}

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func round(v, parts float64) float64 { return math.Round(v*parts) / parts }

// median returns the middle value; of an even number, the mean of the two.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// commit is the revision that the running program was built from.
var commit = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
})
