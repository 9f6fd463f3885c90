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
	Ratio      float64 `json:"ratio"`              // median of each run's events/s, or median latency, ÷ its own floor
	Errors     int64   `json:"errors"`             // calls that failed, or got a wrong answer
	SyncUs     float64 `json:"sync_us"`            // one pwrite of 4 KiB and one fdatasync, median
	Commit     string  `json:"commit"`             // that the program was built from; "" where it does not say

	Spread    float64 `json:"-"` // (fastest − slowest run) ÷ median
	Unsteady  int     `json:"-"` // runs whose two floors differed by more than a fifth to the last
	LastError error   `json:"-"`
}

// run is what one run of a figure gave.
type run struct {
	measured
	floor  float64 // mean of the floor before and the floor after
	steady bool
}

// ratio holds the run against its floor: by its median latency, or events/s.
func (r *run) ratio(byLatency bool) float64 {
	switch {
	case r.floor == 0:
		return 0
	case byLatency:
		return quantile(r.latencies, 50) / r.floor
	}
	return r.perS() / r.floor
}

// summarize fills in what follows from the runs, whose floors are latencies in
// µs, or events/s.
func (r *Result) summarize(runs []run, byLatency bool) {
	latencies := newLatencies()
	var rates, floors, ratios []float64
	for i := range runs {
		one := &runs[i]
		latencies.Merge(one.latencies)
		rates = append(rates, one.perS())
		floors = append(floors, one.floor)
		ratios = append(ratios, one.ratio(byLatency))
		r.Errors += one.errors
		if one.lastError != nil {
			r.LastError = one.lastError
		}
		if !one.steady {
			r.Unsteady++
		}
	}
	r.EventsPerS = math.Round(median(rates))
	if byLatency {
		r.FloorUs = round(median(floors), 10)
	} else {
		r.FloorPerS = math.Round(median(floors))
	}
	r.Ratio = round(median(ratios), 1e4)
	if r.EventsPerS > 0 {
		r.Spread = (slices.Max(rates) - slices.Min(rates)) / median(rates)
	}
	r.P50us, r.P90us, r.P99us = quantile(latencies, 50), quantile(latencies, 90), quantile(latencies, 99)
	r.P999us, r.MaxUs = quantile(latencies, 99.9), quantile(latencies, 100)
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
