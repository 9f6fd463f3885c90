package bench

import (
	"testing"

	"github.com/firndb/firn"
)

// A shape's streams are finished, and lie interleaved.
func TestShapes(t *testing.T) {
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			o := tiny(t)
			o.Shape, o.Events = name, 40*shape.length
			o, err := o.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			store := firn.Memory()
			b := newBench(o, store)
			p := b.readable(o.length())
			if err := b.fill(t.Context(), p, func(string) {}); err != nil {
				t.Fatal(err)
			}
			streams, changes, last := 0, 0, ""
			for info, err := range store.Streams(t.Context(), firn.StreamQuery{}) {
				if streams++; err != nil || info.Events != uint64(shape.length) {
					t.Errorf("%s has %d events (error: %v), want %d", info.Name, info.Events, err, shape.length)
				}
			}
			for e, err := range store.Read(t.Context(), firn.Query{All: true}) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Stream != last {
					changes++
				}
				last = e.Stream
			}
			if streams != 40 || len(p.all()) != 40 || changes < o.Events/2 {
				t.Errorf("%d streams, %d of them known, the next event is of another stream %d times of %d; want 40, 40, and mostly", streams, len(p.all()), changes, o.Events)
			}
		})
	}
}

// Streams of each length are written apart, and found again.
func TestLengths(t *testing.T) {
	store := firn.Memory()
	o := tiny(t)
	o.Workloads, o.Clients, o.Runs, o.Lengths, o.Skew = []string{"load"}, []int{2}, 1, []int{10, 100, 150}, 1.1
	want := []struct {
		name    string
		streams int
	}{{"load-10", 30}, {"load", 3}, {"load-150", 2}}
	for range 2 {
		for i, r := range collect(t, store, o) {
			if r.Workload != want[i].name || r.Streams != want[i].streams || r.Length != o.Lengths[i] || r.Errors > 0 {
				t.Errorf("%s of %d streams of %d, %d errors (last: %v); want %+v", r.Workload, r.Streams, r.Length, r.Errors, r.LastError, want[i])
			}
		}
		if head, _, _ := store.Head(t.Context(), firn.Consistency{}); head != 900 {
			t.Errorf("%d events are in the store, want 900", head)
		}
	}
}
