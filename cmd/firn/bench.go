package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firndb/firn/bench"
)

// startCluster starts a cluster of so many nodes over TCP on loopback, with its
// data in the directory, and returns once it has a leader.
type startCluster func(ctx context.Context, nodes int, dir string) (benchCluster, error)

// benchCluster is a cluster of a benchmark's own.
type benchCluster struct {
	addrs   string
	stop    func() error
	restart func(context.Context) (time.Duration, error) // how long it took until the nodes answered again
}

type benchOptions struct {
	nodes       int
	connections int
	dir         string
	profile     string // a file; "": none
	report      string // likewise
	bench.Options
}

func newBenchCommand(c *console, start startCluster) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:       "bench append|batch|load|scan|category|subscribe|group|mixed|interference|all|growth",
		Short:     "Measure a store, with the floor of this machine beside every figure",
		Long:      benchHelp,
		Args:      args("WORKLOAD"),
		ValidArgs: append([]string{"all", bench.Growth}, bench.Workloads...),
		RunE: func(cmd *cobra.Command, words []string) error {
			if words[0] != "all" {
				o.Workloads = strings.Split(words[0], ",")
			}
			if !cmd.Flags().Changed("lengths") {
				o.Lengths = nil // what the shape says
			}
			if err := o.check(cmd); err != nil {
				return err
			}
			if !cmd.Flags().Changed("nodes") {
				return c.connected(cmd, func(s *session) error {
					s.patience.rest() // a call that hangs is an error of the figure, not the end of all of them
					return o.run(s, s.db, c.addr)
				})
			}
			return c.local(cmd, func(s *session) error { return o.runOnOwnCluster(s, start) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.nodes, "nodes", 0, "start a cluster of 1 or 3 nodes for it, over TCP on loopback, instead of --addr")
	f.IntSliceVar(&o.Clients, "clients", []int{1, 16, 64}, "how many clients call at once; each number is a figure")
	f.IntVar(&o.connections, "connections", 1, "that the clients share; a program has one as a rule, for all that it does at once")
	f.DurationVar(&o.Duration, "duration", 5*time.Second, "of one run")
	f.DurationVar(&o.WarmUp, "warm-up", 0, "before the first run of a figure (default: a fifth of --duration, at most 1s)")
	f.IntVar(&o.Runs, "runs", 5, "of which a figure is the median")
	f.IntVar(&o.Size, "size", 256, "bytes of an event's data")
	f.IntVar(&o.Streams, "streams", 1000, fmt.Sprintf("streams of %d events that the workloads which read find at least", bench.StreamEvents))
	f.IntVar(&o.Events, "events", 0, "events in those streams, instead of --streams")
	f.IntSliceVar(&o.Lengths, "lengths", []int{bench.StreamEvents}, "events of the streams that load reads; each number is a figure")
	f.StringVar(&o.Shape, "shape", "", "how the streams to be read are written: S, 100 events each and 10,000 streams at once, D, 16 events each and 500,000 at once, or G, 20 events each and 10,000 at once, interleaved at random (default: each in one go)")
	f.IntSliceVar(&o.Sizes, "sizes", []int{1_000_000, 20_000_000}, "events in the store at which growth measures")
	f.Float64Var(&o.Skew, "skew", 0, "of the draws among the streams: the exponent of a Zipf distribution; 0 is uniform")
	f.IntVar(&o.Arrivals, "arrivals", 0, "calls a second of append, batch and mixed, due whether or not the ones before are answered; their latencies begin when they were due (default: each client waits for its answer)")
	f.IntVar(&o.Rate, "rate", 1000, "appends a second that subscribe delivers, whether or not the ones before are answered")
	f.StringVar(&o.dir, "dir", ".", "where the floor is measured, and a cluster of --nodes keeps its data; give a directory on the nodes' disk")
	f.StringVar(&o.report, "report", "", "write a page with charts, which loads nothing from elsewhere, to this HTML file")
	f.StringVar(&o.profile, "cpu-profile", "", "write a CPU profile of this process, which with --nodes is that of the nodes too, to this file")
	return cmd
}

const benchHelp = `Measures a store, with the floor of this machine beside every figure. Several
workloads are given as one word, with commas.

append: one event a call, at the exact revision expected. batch: 100 events a
call. load: whole streams of --lengths events, drawn from all of them. scan: everything
in global order. category: a category from its beginning until caught up, first one
that is nearly everything, then one that is a hundredth of it, spread over all.
subscribe: everything by one subscriber until caught up (catch-up), then from the
append at --rate to the delivery at each of the clients (subscribe). group: a group of
everything, with so many consumers, from the delivery to its acknowledgement.
mixed: of 100 calls, 80 load an aggregate (its snapshot and what follows) and append
an event to it at the exact revision; 15 are a read model that comes back anywhere
in the log and takes the next 100 events of a category; 5 look into the past of a
stream: two of four a state, one a diff, one a blame. Its rates count calls, and
each kind has percentiles of its own. interference: append, while one more client
reads everything again and again; what counts is the 99th percentile of the latencies.
growth, which is not one of all: fills the store to one of --sizes after another, in
streams of 20 events; at each the filling itself (fill), append, load, and with --nodes
how long the nodes take from their start until they answer (start).

A figure is the median of several runs. Directly before and after each run the
floor is measured with as many clients: for append and batch one preallocated
file that takes all waiting records with one write and one sync; for load, scan and
catch-up a bare TCP echo on loopback with answers of the same size; for category
what reading everything yields of it in the same time; for subscribe, a latency, two
syncs and one round trip; for mixed the same mixture of round trips and synced
writes; for interference, a latency, the same appends alone; group, fill and start
have none. Where the two floors differ by more than 20 %, the run is
repeated.

cpu is how many cores the nodes kept busy, memory what they took, written how many
bytes they sent to their disks (the Raft log's and all others, in whole pages) for
each byte that came to be stored meanwhile (4 MiB at least). With --nodes the clients run in the
nodes' process, and theirs is in it.

With --arrivals calls are made at a rate, by whichever of the clients is free; what
could not be begun in its run is counted, and its waiting is in the percentiles. What
is held against the floor is then the median latency, under the same arrivals.

The streams stay in the store, in the categories bench and benchrare; a later
load uses them.`

// check refuses what is wrong before anything is started.
func (o *benchOptions) check(cmd *cobra.Command) error {
	if err := o.Check(); err != nil {
		return err
	}
	own := cmd.Flags().Changed("nodes")
	switch {
	case own && o.nodes != 1 && o.nodes != 3:
		return usage("--nodes %d; want 1 or 3", o.nodes)
	case own && cmd.Flags().Changed("addr"):
		return usage("--nodes starts a cluster and --addr names one; give one of the two")
	case o.connections < 1 || o.connections > bench.ClientsMax:
		return usage("--connections %d; give 1 to %d", o.connections, bench.ClientsMax)
	}
	return nil
}

// runOnOwnCluster starts a cluster in a directory of its own, which is gone
// afterwards.
func (o *benchOptions) runOnOwnCluster(s *session, start startCluster) (err error) {
	dir, err := os.MkdirTemp(o.dir, "firn-bench-*")
	if err != nil {
		return usage("--dir %s: %v", o.dir, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.plain()
	cluster, err := start(s.ctx, o.nodes, filepath.Join(dir, "data"))
	if err != nil {
		return fmt.Errorf("start %s: %w", plural(uint64(o.nodes), "node"), err)
	}
	defer func() { err = errors.Join(err, cluster.stop()) }()
	db, err := s.dial(s.ctx, cluster.addrs)
	if err != nil {
		return err
	}
	defer db.Close()
	o.Nodes, o.dir, o.ClientIncluded = o.nodes, dir, true
	o.Restart = cluster.restart
	if err = o.run(s, db, cluster.addrs); err != nil && s.ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// run measures the store and prints every figure as soon as it is there.
func (o *benchOptions) run(s *session, db store, addrs string) error {
	for range o.connections - 1 {
		further, err := s.dial(s.ctx, addrs)
		if err != nil {
			return err
		}
		defer further.Close()
		o.Connections = append(o.Connections, further)
	}
	o.Dir = o.dir
	if bench.InMemory(o.dir) {
		fmt.Fprintf(s.err, "firn: %s is in memory: its syncs cost nothing, and the floor says nothing about a disk (--dir takes another directory)\n", o.dir)
	}
	o.Usage = func(ctx context.Context) (bench.Usage, error) { return nodesUsage(ctx, db) }
	if _, err := o.Usage(s.ctx); err != nil {
		fmt.Fprintf(s.err, "firn: the nodes' CPU, memory and written bytes are left out: %v\n", err)
		o.Usage = nil
	}
	progress := &progressLine{session: s}
	if s.terminalErr {
		o.Progress = progress.show
	}
	report, err := newBenchReport(o.report)
	if err != nil {
		return usage("--report %s: %v", o.report, err)
	}
	stopProfile, err := startProfile(o.profile)
	if err != nil {
		return errors.Join(usage("--cpu-profile %s: %v", o.profile, err), report.close())
	}
	table := bench.NewTable(s.print.w)
	err = bench.Run(s.ctx, db, o.Options, func(r bench.Result) error {
		progress.clear()
		report.add(r)
		if err := o.print(s, table, r); err != nil {
			return err
		}
		if r.LastError != nil {
			fmt.Fprintf(s.err, "firn: %s, %s: %s failed; the last: %v\n",
				r.Workload, plural(uint64(r.Clients), "client"), plural(uint64(r.Errors), "call"), r.LastError)
		}
		return s.print.w.Flush()
	})
	progress.clear()
	err = errors.Join(err, stopProfile(), report.close())
	if err != nil || s.print.format == "json" {
		return err
	}
	return table.Close()
}

// startProfile begins a CPU profile; without a file it does nothing.
func startProfile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// print prints a result; -o text is the table too.
func (o *benchOptions) print(s *session, table *bench.Table, r bench.Result) error {
	if s.print.format != "json" {
		return table.Add(r)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.print.line(line)
}

// progressLine is one line on the terminal that is written over and over.
type progressLine struct {
	*session
	shown bool
}

const eraseLine = "\r\x1b[K"

func (l *progressLine) show(p bench.Progress) {
	l.shown = true
	rate := ""
	if p.EventsPerS > 0 {
		rate = "  " + bench.Grouped(p.EventsPerS) + " events/s"
	}
	fmt.Fprintf(l.err, "%s%s, %s: %s%s", eraseLine, p.Workload, plural(uint64(p.Clients), "client"), p.Doing, rate)
}

func (l *progressLine) clear() {
	if l.shown {
		fmt.Fprint(l.err, eraseLine)
	}
	l.shown = false
}
