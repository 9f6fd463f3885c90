package sim

import (
	"io"
	"math/rand/v2"
	"time"
)

// Options say how a run is. Zero means what the seed chooses, or the default.
type Options struct {
	Nodes   int           // 3 or 5
	For     time.Duration // how long there are faults, in virtual time; 2 minutes
	Groups  int           // of clients, each with streams of its own; 6
	Clients int           // of a group; 5
	Ops     int           // calls after which a group begins anew with other streams; 205
	Think   time.Duration // what a client takes between two calls, on average; 150 ms
	Faults  []Kind        // what happens; nil: all kinds, but for those that the seed leaves out
	Calm    bool          // nothing happens
	TCP     bool          // clients speak TCP, through the network, and not to nodes' own stores; else one run of eight
	Trace   io.Writer     // is told what happens, line by line; nil: the last of it is kept where something was found
}

func (o Options) withDefaults(random *rand.Rand) Options {
	if o.Nodes == 0 {
		o.Nodes = 3
		if random.IntN(8) == 0 {
			o.Nodes = 5
		}
	}
	or(&o.For, 2*time.Minute)
	or(&o.Groups, 6)
	or(&o.Clients, 5)
	or(&o.Ops, 205)
	or(&o.Think, 150*time.Millisecond)
	if o.Faults == nil && !o.Calm {
		for _, k := range Kinds() {
			if random.IntN(6) > 0 {
				o.Faults = append(o.Faults, k)
			}
		}
	}
	return o
}

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}
