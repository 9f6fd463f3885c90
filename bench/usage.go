package bench

import (
	"context"
	"time"
)

// Usage is what all nodes have used since they were started.
type Usage struct {
	CPU     time.Duration
	Memory  uint64 // bytes, right now
	Written uint64 // bytes that went to disks, the Raft log's and all others, in whole pages
	Stored  uint64 // bytes of the records in the store, on each node
}

// used is what the nodes used in a run.
type used struct {
	Usage
	known bool
}

// metered does something and returns what the nodes used meanwhile, where they
// say so.
func (b *bench) metered(ctx context.Context, do func()) (u used) {
	if b.o.Usage == nil {
		do()
		return u
	}
	before, err := b.o.Usage(ctx)
	do()
	if err != nil {
		return u
	}
	after, err := b.o.Usage(ctx)
	// Less than before: a node was started anew, or is away.
	if err != nil || after.CPU < before.CPU || after.Written < before.Written || after.Stored < before.Stored {
		return u
	}
	return used{Usage{after.CPU - before.CPU, after.Memory, after.Written - before.Written, after.Stored - before.Stored}, true}
}

// storedLeast is what has to be stored in a figure's runs for what was written to
// be held against it: files are made and preallocated by the megabyte.
const storedLeast = 4 << 20

// summarizeUsage fills in what the nodes used, where that is known of every run.
func (r *Result) summarizeUsage(runs []run) {
	var sum Usage
	var elapsed time.Duration
	for i := range runs {
		u := &runs[i].used
		if !u.known {
			return
		}
		sum.CPU += u.CPU
		sum.Memory = max(sum.Memory, u.Memory)
		sum.Written += u.Written
		sum.Stored += u.Stored
		elapsed += runs[i].elapsed
	}
	r.MemoryBytes = sum.Memory
	if elapsed > 0 {
		r.CPU = round(float64(sum.CPU)/float64(elapsed), 100)
	}
	if sum.Stored >= storedLeast {
		r.WrittenPerStored = round(float64(sum.Written)/float64(sum.Stored), 100)
	}
}
