package main

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"strings"

	"github.com/firndb/firn"
)

// system is one of what is compared: a product in one configuration.
type system struct {
	name     string
	about    string // how it is used, in a few words
	synced   bool   // an acknowledged append is on disk, on 3 nodes at a majority
	nodes    []int  // of how many it can be made
	reads    bool   // it can load a stream, and scan everything in the order of the appends
	follows  bool   // it can tell a client what is appended
	version  func(o options) string
	missing  func(o options) error // why it cannot be started here; nil: it can
	start    func(ctx context.Context, at place) (running, error)
	expected bool // it refuses an append to a stream that has other events than the caller thinks
}

// place is where a system is started, and for what.
type place struct {
	options
	dir     string // its own, empty
	nodes   int
	clients int
}

// running is a system that answers, and how it is ended.
type running struct {
	store firn.Store
	stop  func() error
}

// systems are all that are compared, Firn first: the others' ratios are to it.
func systems() []*system {
	return []*system{
		firnSystem(),
		jetStreamSystem(true), jetStreamSystem(false),
		etcdSystem(),
		messageDBSystem(1), messageDBSystem(manyCategories),
		redisSystem(true), redisSystem(false),
		pebbleSystem(), raftSystem(),
	}
}

// log is what an adapter has to offer of a system; asStore makes a firn.Store of
// it, which is what package bench drives. All methods may be called from many
// goroutines at once.
type log interface {
	// append appends the events to the stream, all or none, and returns once they
	// are as durable as the system's configuration makes them. next is the
	// revision of the first one, which the system checks where it can; below 0
	// the stream may have any events.
	append(ctx context.Context, stream string, next int64, events []firn.Event) error

	// load yields the stream's events from the first to the last.
	load(ctx context.Context, stream string) iter.Seq2[firn.Event, error]

	// follow yields everything in the order of the appends: what there is, or
	// (fromEnd) none of it; then it calls caughtUp once, and ends where that
	// answers false; then what is appended, until the context ends or the caller
	// leaves.
	follow(ctx context.Context, fromEnd bool, caughtUp func() (goOn bool)) iter.Seq2[firn.Event, error]
}

// moduleVersion returns a version function that says what the program was built
// with.
func moduleVersion(path string) func(options) string {
	return func(options) string {
		info, ok := debug.ReadBuildInfo()
		if !ok {
			return "unknown"
		}
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
		return "unknown"
	}
}

// selected returns the systems that are named, in the order given; no name is all.
func selected(names []string) ([]*system, error) {
	all := systems()
	known := map[string]*system{}
	var words []string
	for _, s := range all {
		known[s.name] = s
		words = append(words, s.name)
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []*system
	for _, name := range names {
		s := known[name]
		if s == nil {
			return nil, fmt.Errorf("there is no system %q; there are %s", name, strings.Join(words, ", "))
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}
