package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/firndb/firn"
)

func TestSummarizeUsage(t *testing.T) {
	one := run{measured: measured{elapsed: time.Second}, used: used{Usage{CPU: time.Second, Memory: 5, Written: 30 << 20, Stored: 10 << 20}, true}}
	two := run{measured: measured{elapsed: time.Second}, used: used{Usage{CPU: 2 * time.Second, Memory: 7, Written: 20 << 20, Stored: 10 << 20}, true}}
	var r Result
	r.summarizeUsage([]run{one, two})
	if r.CPU != 1.5 || r.MemoryBytes != 7 || r.WrittenPerStored != 2.5 {
		t.Errorf("got %+v; want 1.5 cores, 7 bytes, 2.5 written for each stored", r)
	}
	little := run{measured: one.measured, used: used{Usage{CPU: time.Second, Memory: 5, Written: 1 << 30, Stored: 1 << 20}, true}}
	r = Result{}
	if r.summarizeUsage([]run{little}); r.CPU != 1 || r.WrittenPerStored != 0 {
		t.Errorf("got %+v; a megabyte says nothing about what is written for it", r)
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
		return Usage{CPU: time.Duration(n) * time.Hour, Memory: n, Written: 30 * n << 20, Stored: 10 * n << 20}, nil
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
