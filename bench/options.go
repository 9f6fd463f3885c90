package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// What the workloads are made of.
const (
	StreamEvents = 100  // events of a finished stream, where nothing else is said
	BatchEvents  = 100  // events of one call of the workload batch
	ScanEvents   = 1000 // events that one latency of the workload scan spans
)

// Limits of what can be asked for. They keep what the floor has in flight, and
// what it reads back, within the memory of a small machine.
const (
	SizeMax          = 64 << 10 // bytes of an event's data
	ClientsMax       = 10_000
	RateMax          = 1_000_000 // appends, or calls, per second
	LengthMax        = 100_000   // events of a stream
	EventsMax        = 1 << 32
	SkewMax          = 10.0
	inFlightBytesMax = 256 << 20
)

// Workloads are the names of all workloads, in the order in which they run:
// those that write fill the store for those that read.
var Workloads = []string{"append", "batch", "load", "scan", "category", "subscribe", "group", "mixed", "interference"}

// Growth is the name of a further workload, which takes millions of events and is
// not one of all.
const Growth = "growth"

// Options say what to run. Zero fields take the defaults given here.
type Options struct {
	Workloads []string      // all
	Clients   []int         // 1, 16, 64: each workload runs with each of them
	Duration  time.Duration // of one run: 5 s
	WarmUp    time.Duration // before the first run of a figure: a fifth of Duration, at most 1 s
	Floor     time.Duration // of one floor: likewise
	Runs      int           // of which a figure is the median: 5
	Size      int           // bytes of an event's data: 256
	Rate      int           // appends per second that subscribe delivers: 1,000

	// What the workloads that read find at least, and draw from: Streams finished
	// streams of StreamEvents, or as many as make so many Events.
	Streams int     // 1,000
	Events  int     // 0: what Streams come to
	Lengths []int   // events of the streams that load reads: 100; of each length there are about as many events
	Shape   string  // S, D or G, see the package's comment; "": each stream is written at one go
	Skew    float64 // of the draws: the exponent of a Zipf distribution; 0: uniform

	// Sizes are the numbers of events at which growth measures: 1 and 20 million.
	// Restart stops the nodes, starts them anew, and says how long they took until
	// they answered; nil: nobody can, and growth leaves that out.
	Sizes   []int
	Restart func(context.Context) (time.Duration, error)

	// Arrivals are calls per second of append, batch and mixed that are due
	// whether or not the ones before are answered; 0: each client waits for its
	// answer.
	Arrivals int

	// Connections are further ways to the store: its clients share them and the
	// one that Run is given, evenly.
	Connections []firn.Store

	Dir   string // where the floor's file lies; it must be on the store's disk
	Nodes int    // how many nodes the store has, for the result; 0: not known

	// Usage says what the nodes have used; nil, or an error: that is not known.
	// ClientIncluded says that the clients run in a node's process, so that what
	// they use is in it.
	Usage          func(context.Context) (Usage, error)
	ClientIncluded bool

	Progress func(Progress) // called a few times a second while something runs, one call at a time; nil: nobody looks

	floorFileBytes int64 // 64 MiB; less in tests, which need not reach the disk's own speed
}

// Progress says what is being done right now.
type Progress struct {
	Workload   string
	Clients    int
	Doing      string // "warm-up", "floor", "run 2 of 5"
	EventsPerS float64
}

// Check says all that is wrong with the options at once, or nil. Run does so
// too; this is for those who first have to start a store.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

// withDefaults returns the options with every zero field set, or all that is
// wrong with them at once.
func (o Options) withDefaults() (Options, error) {
	setDefault(&o.Duration, 5*time.Second)
	setDefault(&o.WarmUp, min(o.Duration/5, time.Second))
	setDefault(&o.Floor, min(o.Duration/5, time.Second))
	setDefault(&o.Runs, 5)
	setDefault(&o.Size, 256)
	setDefault(&o.Streams, 1000)
	setDefault(&o.Rate, 1000)
	if len(o.Sizes) == 0 {
		o.Sizes = []int{1_000_000, 20_000_000}
	}
	bothLengths := len(o.Lengths) > 0 && o.Shape != ""
	if len(o.Lengths) == 0 {
		o.Lengths = []int{o.length()}
	}
	setDefault(&o.floorFileBytes, 64<<20)
	if len(o.Workloads) == 0 {
		o.Workloads = Workloads
	}
	if len(o.Clients) == 0 {
		o.Clients = []int{1, 16, 64}
	}

	var faults []string
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	for _, w := range o.Workloads {
		fault(w != Growth && !slices.Contains(Workloads, w), "there is no workload %.64q; there are %s and %s", w, strings.Join(Workloads, ", "), Growth)
	}
	for _, c := range o.Clients {
		fault(c < 1 || c > ClientsMax, "%d clients; give 1 to %d", c, ClientsMax)
	}
	fault(o.Duration < 0 || o.WarmUp < 0 || o.Floor < 0, "a duration is negative")
	fault(o.Runs < 0, "%d runs; give 1 or more", o.Runs)
	fault(o.Streams < 0, "%d streams; give 1 or more", o.Streams)
	fault(o.Events < 0 || o.Events > EventsMax, "%d events; give 1 to %d", o.Events, EventsMax)
	for i, n := range o.Sizes {
		fault(n < 1 || n > EventsMax || i > 0 && n <= o.Sizes[i-1], "a store of %d events; give sizes of 1 to %d, each larger than the one before", n, EventsMax)
	}
	fault(bothLengths, "both lengths and the shape %.16q are given; a shape says how long its streams are", o.Shape)
	for _, l := range o.Lengths {
		fault(l < 1 || l > LengthMax, "streams of %d events; give 1 to %d", l, LengthMax)
	}
	fault(o.Shape != "" && shapes[o.Shape] == shape{}, "there is no shape %.16q; there are S, D and G", o.Shape)
	fault(!(o.Skew >= 0 && o.Skew <= SkewMax), "a skew of %g; give 0 to %g", o.Skew, SkewMax)
	fault(o.Arrivals < 0 || o.Arrivals > RateMax, "%d calls per second arrive; give 1 to %d", o.Arrivals, RateMax)
	fault(o.Rate < 0 || o.Rate > RateMax, "%d appends per second; give 1 to %d", o.Rate, RateMax)
	fault(o.Size < 0 || o.Size > SizeMax, "events of %d bytes; give 1 to %d", o.Size, SizeMax)
	for workload, events := range map[string]int{"batch": BatchEvents, "load": slices.Max(o.Lengths)} {
		if len(faults) > 0 || !slices.Contains(o.Workloads, workload) {
			continue
		}
		inFlight := o.maxClients() * events * o.Size
		fault(inFlight > inFlightBytesMax, "%s with %d clients has %d MiB in flight; at most %d are measured: take fewer clients, smaller events or shorter streams",
			workload, o.maxClients(), inFlight>>20, inFlightBytesMax>>20)
	}
	if len(faults) > 0 {
		return o, firn.Errorf(firn.ErrInvalid, "%s", strings.Join(faults, "; "))
	}
	return o, nil
}

// streamsOf is how many finished streams of a length there are to be at least.
func (o *Options) streamsOf(length int) int {
	events := o.Events
	if events == 0 {
		events = o.Streams * StreamEvents
	}
	return max(1, events/length)
}

// length is that of the streams which all workloads but load read.
func (o *Options) length() int {
	if o.Shape != "" {
		return shapes[o.Shape].length
	}
	return StreamEvents
}

func (o *Options) maxClients() int { return slices.Max(o.Clients) }

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
