package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/firndb/firn/bench"
)

// figure is one row of one system, or why there is none.
type figure struct {
	Row     string `json:"row"`
	System  string `json:"system"`
	About   string `json:"about"`
	Version string `json:"version"`
	Synced  bool   `json:"synced"`
	Missing string `json:"missing,omitempty"` // why there is no result
	Failed  bool   `json:"failed,omitempty"`  // and there ought to be one
	bench.Result
	SpreadShare float64 `json:"spread"` // (fastest − slowest run) ÷ median
}

// runAll measures every row of every system, each in a store of its own that is gone
// afterwards, and gives each figure to emit as soon as it is there.
func runAll(ctx context.Context, o options, chosen []*system, chosenRows []row, emit func(figure) error) error {
	for _, r := range chosenRows {
		for _, s := range chosen {
			figures, err := measure(ctx, o, s, r)
			if ctx.Err() != nil {
				return errors.Join(ctx.Err(), err)
			}
			if err != nil {
				f := newFigure(o, s, r)
				f.Missing, f.Failed = err.Error(), true
				figures = append(figures, f)
			}
			for _, f := range figures {
				if err := emit(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func newFigure(o options, s *system, r row) figure {
	f := figure{Row: r.name, System: s.name, About: s.about, Synced: s.synced}
	if s.missing == nil || s.missing(o) == nil {
		f.Version = s.version(o)
	}
	f.Workload, f.Nodes, f.Clients = r.workload, r.nodes, r.clients
	return f
}

func measure(ctx context.Context, o options, s *system, r row) (figures []figure, err error) {
	f := newFigure(o, s, r)
	if f.Missing = r.can(s); f.Missing != "" {
		return []figure{f}, nil
	}
	if s.missing != nil {
		if err := s.missing(o); err != nil {
			return nil, err
		}
	}
	err = o.with(ctx, s, r.nodes, r.clients, func(store *checked, dir string) error {
		b := bench.Options{
			Workloads: []string{r.workload}, Clients: []int{r.clients}, Duration: o.duration, Runs: o.runs,
			Size: o.size, Streams: o.streams, Rate: o.rate, Dir: dir, Nodes: r.nodes,
		}
		err := bench.Run(ctx, store, b, func(result bench.Result) error {
			f := newFigure(o, s, r)
			f.Result, f.SpreadShare = result, result.Spread
			if result.Workload == "catch-up" { // which subscribe measures first
				f.Row = result.Workload
			}
			if result.LastError != nil {
				fmt.Fprintf(os.Stderr, "%s, %s: %d calls failed; the last: %v\n", r.name, s.name, result.Errors, result.LastError)
			}
			figures = append(figures, f)
			return nil
		})
		if err == nil && s.reads {
			err = store.verify(ctx)
		}
		return err
	})
	return figures, err
}

// with starts a system for so many clients, in a directory of its own, and ends it.
func (o options) with(ctx context.Context, s *system, nodes, clients int, do func(store *checked, dir string) error) (err error) {
	dir, err := os.MkdirTemp(o.dir, "firn-peers-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data := dir + "/data"
	for _, d := range []string{dir, data} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(d, 0o755); err != nil { // another user may have to pass
			return err
		}
	}
	at, err := s.start(ctx, place{options: o, dir: data, nodes: nodes, clients: clients})
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	defer func() { err = errors.Join(err, at.stop()) }()
	return do(&checked{Store: at.store}, dir)
}
