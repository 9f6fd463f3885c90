package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The page holds every figure, loads nothing, and is well formed where it draws.
func TestReport(t *testing.T) {
	r := Report{
		Command: "firn bench all --dir '<x>'", Began: time.Date(2026, 3, 1, 14, 32, 7, 0, time.UTC), Machine: ThisMachine(),
		Results: []Result{
			{Workload: "append", Nodes: 3, Clients: 1, Size: 256, EventsPerS: 2980, P50us: 320, P90us: 400, P99us: 930, P999us: 1500, MaxUs: 20_000, FloorPerS: 6700, Ratio: 0.44, SyncUs: 110, Commit: "abc123", CPU: 1.25, MemoryBytes: 312e6, WrittenPerStored: 2.4, ClientIncluded: true},
			{Workload: "append", Nodes: 3, Clients: 64, Size: 256, EventsPerS: 44000, P50us: 1400, P90us: 2000, P99us: 3800, P999us: 5000, MaxUs: 3e6, FloorPerS: 204_000, Ratio: 0.22, SyncUs: 110, Unsteady: 1, Errors: 7},
			{Workload: "subscribe", Clients: 100, P50us: 810, P90us: 900, P99us: 4100, P999us: 5000, MaxUs: 6000, FloorUs: 250, Ratio: 3.2, Unmade: 55, Arrivals: 1000},
			{Workload: "group", Clients: 10, EventsPerS: 102_000},
			{Workload: "start-1M", Clients: 1, P50us: 1.5e6, MaxUs: 2e6},
			{Workload: "mixed", Clients: 4, EventsPerS: 900, Kinds: []Kind{{"history", 3, 11, 22, 33, 44, 55}}},
		},
	}
	var b strings.Builder
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"<h2>append</h2>", "<h2>subscribe</h2>", "44,000", "204,000/s", "abc123", "&lt;x&gt;", "ratio 3.20", "312 MB", ">7</td>", "55 in all were not begun", "history", "0.22*", "64 clients", ">1.50 s<", "1 client<", "14:32 UTC", "theirs is in it"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	for _, bad := range []string{"http:", "https:", "<script", "@import", "url(", "NaN", "Inf", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	if len(drawings) != 9 {
		t.Errorf("%d drawings, want 9", len(drawings))
	}
	for _, svg := range drawings {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
		}
	}
	if err := (&Report{}).WriteHTML(io.Discard); err != nil {
		t.Errorf("a page without figures: %v", err)
	}
}

func TestDecade(t *testing.T) {
	for e, want := range map[float64]string{-1: "0.1 µs", 0: "1 µs", 2: "100 µs", 3: "1 ms", 5: "100 ms", 6: "1 s", 8: "100 s"} {
		if got := decade(e); got != want {
			t.Errorf("10^%v µs is printed as %q, want %q", e, got, want)
		}
	}
}
