package projection

import (
	"fmt"
	"time"
)

// Options of a runner. Zero means the default.
type Options struct {
	// A transaction takes what has arrived, up to these bounds, and ends at the
	// end of an append. One append is never divided, however large it is.
	BatchEvents int           // default 2,000
	BatchBytes  int           // of the events' data and metadata; default 4 MiB
	BatchTime   time.Duration // after which no further append is begun; default 500 ms

	// What fails is tried Attempts times in all, the first repetition after
	// RetryMin, each further one after twice as long, at most RetryMax.
	// Defaults: 8, 100 ms, 10 s.
	Attempts int
	RetryMin time.Duration
	RetryMax time.Duration

	// SetAside records an event whose handler has failed Attempts times in the
	// table firn_projections_failed and goes on behind it. Without it the runner
	// stops.
	SetAside bool

	// Takeover is how long nothing may be seen of the runner that projects
	// before one that stands by takes its place. One that ends with its context
	// is replaced at once. Default 3 s.
	Takeover time.Duration

	// DropAfter is how long the tables of a replaced set are kept. Default 1 min.
	DropAfter time.Duration

	// OnProgress is told about once a second where the runner stands, and
	// whenever that changes in kind. It is called by one goroutine at a time for
	// each of Run and Rebuild, and should return soon.
	OnProgress func(Progress)
}

func (o Options) check() (Options, []error) {
	var faults []error
	for _, n := range []struct {
		name      string
		value     *int
		otherwise int
	}{
		{"BatchEvents", &o.BatchEvents, 2000},
		{"BatchBytes", &o.BatchBytes, 4 << 20},
		{"Attempts", &o.Attempts, 8},
	} {
		if *n.value < 0 {
			faults = append(faults, fmt.Errorf("%s is %d; want 1 or more", n.name, *n.value))
		}
		if *n.value == 0 {
			*n.value = n.otherwise
		}
	}
	for _, d := range []struct {
		name      string
		value     *time.Duration
		otherwise time.Duration
	}{
		{"BatchTime", &o.BatchTime, 500 * time.Millisecond},
		{"RetryMin", &o.RetryMin, 100 * time.Millisecond},
		{"RetryMax", &o.RetryMax, 10 * time.Second},
		{"Takeover", &o.Takeover, 3 * time.Second},
		{"DropAfter", &o.DropAfter, time.Minute},
	} {
		if *d.value < 0 {
			faults = append(faults, fmt.Errorf("%s is %v; want more than 0", d.name, *d.value))
		}
		if *d.value == 0 {
			*d.value = d.otherwise
		}
	}
	if o.OnProgress == nil {
		o.OnProgress = func(Progress) {}
	}
	return o, faults
}

// backoff is how long to wait after a number of failures in a row.
func (o *Options) backoff(failures int) time.Duration {
	d := o.RetryMin
	for range failures - 1 {
		if d *= 2; d >= o.RetryMax {
			break
		}
	}
	return min(d, o.RetryMax)
}

// beat is how often a run shows that it lives.
func (o *Options) beat() time.Duration { return max(time.Millisecond, min(time.Second, o.Takeover/4)) }
