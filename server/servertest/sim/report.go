package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firndb/firn/internal/check"
)

// Report says what has happened in a run, or in several.
type Report struct {
	Seed      uint64 // of the first
	Runs      int
	Nodes     int           // of the first
	Simulated time.Duration // virtual time
	Counted   time.Duration // of it, minutes with at least 60 calls in which a fault struck
	Wall      time.Duration // what the runs took, without what follows
	Checked   time.Duration // what checking them took

	Histories int                   // with as many calls, clients and streams as count; see Options
	Calls     int                   // of clients
	Outcomes  map[check.Outcome]int // of appends
	Messages  int                   // that subscribers were told and kept
	Reads     map[string]int        // that were answered, by consistency
	Events    int                   // in the logs in the end
	Images    int                   // replicas that were set up from an image
	Ambiguous int                   // answers that left open whether an append was done, which had reached a leader; each was repeated
	Repeated  int                   // repetitions that found the append done
	Struck    map[Kind]int          // faults that truly struck; see Kind
}

// Add adds another run's.
func (r *Report) Add(o Report) {
	if r.Runs == 0 {
		r.Seed, r.Nodes = o.Seed, o.Nodes
	}
	r.Runs += max(o.Runs, 1)
	r.Simulated += o.Simulated
	r.Counted += o.Counted
	r.Wall += o.Wall
	r.Checked += o.Checked
	r.Histories += o.Histories
	r.Calls += o.Calls
	r.Events += o.Events
	r.Messages += o.Messages
	r.Images += o.Images
	r.Ambiguous += o.Ambiguous
	r.Repeated += o.Repeated
	r.Outcomes = sum(r.Outcomes, o.Outcomes)
	r.Reads = sum(r.Reads, o.Reads)
	r.Struck = sum(r.Struck, o.Struck)
}

func sum[K comparable](a, b map[K]int) map[K]int {
	all := make(map[K]int)
	for _, m := range []map[K]int{a, b} {
		for k, n := range m {
			all[k] += n
		}
	}
	return all
}

// Faults counts the faults that truly struck.
func (r *Report) Faults() (n int) {
	for _, of := range r.Struck {
		n += of
	}
	return n
}

func (r *Report) String() string {
	var kinds, reads []string
	for k, n := range r.Struck {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, k))
	}
	for k, n := range r.Reads {
		reads = append(reads, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(kinds)
	slices.Sort(reads)
	seconds := max(r.Simulated.Seconds(), 1)
	return fmt.Sprintf(`%d runs from seed %d: %.2f simulated hours, of which %.2f count, %d histories, %d calls (%.1f a second), %d events
appends: %d done, %d not done, %d unknown in the end; %d ambiguous results repeated, of which %d had been done
reads: %s; %d messages to subscribers
faults that struck: %d (%.1f a minute): %s
%v to run, %v to check (wall time, added up)`,
		max(r.Runs, 1), r.Seed, r.Simulated.Hours(), r.Counted.Hours(), r.Histories, r.Calls, float64(r.Calls)/seconds, r.Events,
		r.Outcomes[check.Done], r.Outcomes[check.NotDone], r.Outcomes[check.Unknown], r.Ambiguous, r.Repeated,
		strings.Join(reads, ", "), r.Messages,
		r.Faults(), float64(r.Faults())*60/seconds, strings.Join(kinds, ", "),
		r.Wall.Round(time.Millisecond), r.Checked.Round(time.Millisecond))
}
