package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/firndb/firn"
)

func TestSummarizeUsage(t *testing.T) {
	one := run{measured: measured{elapsed: time.Second}, used: used{Usage{CPU: time.Second, Memory: 5, Written: 300, Stored: 100}, true}}
	two := run{measured: measured{elapsed: time.Second}, used: used{Usage{CPU: 2 * time.Second, Memory: 7, Written: 200, Stored: 100}, true}}
	var r Result
	r.summarizeUsage([]run{one, two})
	if r.CPU != 1.5 || r.MemoryBytes != 7 || r.WrittenPerStored != 2.5 {
		t.Errorf("got %+v; want 1.5 cores, 7 bytes, 2.5 written for each stored", r)
	}
	r = Result{}
	r.summarizeUsage([]run{one, {}})
	if r.CPU != 0 || r.MemoryBytes != 0 || r.WrittenPerStored != 0 {
		t.Errorf("one run is not known, and yet %+v", r)
	}
}

// What the nodes used is asked around each run, and a node that was started anew
// in between makes it unknown.
func TestUsage(t *testing.T) {
	o := tiny(t)
	o.Workloads, o.Clients, o.Runs, o.ClientIncluded = []string{"append"}, []int{1}, 1, true
	n := uint64(0)
	o.Usage = func(context.Context) (Usage, error) {
		n++
		return Usage{CPU: time.Duration(n) * time.Hour, Memory: n, Written: 300 * n, Stored: 100 * n}, nil
	}
	if r := collect(t, firn.Memory(), o)[0]; r.CPU <= 0 || r.MemoryBytes != n || r.WrittenPerStored != 3 || !r.ClientIncluded {
		t.Errorf("got %+v", r)
	}
	o.Usage = func(context.Context) (Usage, error) { n--; return Usage{CPU: time.Duration(n)}, nil }
	if r := collect(t, firn.Memory(), o)[0]; r.CPU != 0 || r.MemoryBytes != 0 || r.Errors > 0 {
		t.Errorf("after a restart: %+v", r)
	}
	o.Usage = func(context.Context) (Usage, error) { return Usage{}, errors.New("planted") }
	if r := collect(t, firn.Memory(), o)[0]; r.MemoryBytes != 0 || r.Errors > 0 {
		t.Errorf("nobody knows: %+v", r)
	}
}
