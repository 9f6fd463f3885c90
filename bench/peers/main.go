package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/firndb/firn/bench"
)

// options are what the command line says.
type options struct {
	duration  time.Duration // of one run
	runs      int           // of which a figure is the median
	size      int           // bytes of an event's data
	streams   int           // of 100 events, that those which read find
	rate      int           // appends a second that deliver delivers
	dir       string        // where the stores lie
	messageDB string        // the npm package
	format    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "peers:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	var o options
	var systemNames, rowNames, probe string
	var syncs bool
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.StringVar(&systemNames, "systems", "", "which, with commas between them (default: all)")
	f.StringVar(&rowNames, "rows", "", "which, with commas between them (default: all)")
	f.IntVar(&o.runs, "runs", 5, "of which a figure is the median")
	f.DurationVar(&o.duration, "duration", 5*time.Second, "of one run")
	f.IntVar(&o.size, "size", 256, "bytes of an event's data")
	f.IntVar(&o.streams, "streams", 1000, "of 100 events, that the rows which read find")
	f.IntVar(&o.rate, "rate", 1000, "appends a second that deliver delivers")
	f.StringVar(&o.dir, "dir", ".", "where the stores lie; on a disk, and open to all users if PostgreSQL is to use it")
	f.StringVar(&o.messageDB, "message-db", "node_modules/@eventide/message-db", "the npm package of Message DB")
	f.StringVar(&o.format, "o", "table", "table, or json: one line a figure, as soon as it is there")
	f.BoolVar(&syncs, "syncs", false, "measure nothing; show with strace that each acknowledged append was synced")
	f.StringVar(&probe, "probe", "", "used by --syncs: append to this system, SYSTEM/NODES, and end")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	if o.messageDB, err = filepath.Abs(o.messageDB); err != nil {
		return err
	}
	chosen, err := selected(words(systemNames))
	if err != nil {
		return err
	}
	chosenRows, err := selectedRows(words(rowNames))
	if err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("%q is not a flag", f.Arg(0))
	case o.format != "table" && o.format != "json":
		return fmt.Errorf("-o %s; want table or json", o.format)
	case probe != "":
		return o.probe(ctx, probe)
	case bench.InMemory(o.dir):
		return fmt.Errorf("%s is in memory: its syncs cost nothing (--dir takes another directory)", o.dir)
	case syncs:
		return o.showSyncs(ctx, os.Stdout, chosen)
	}
	return o.print(ctx, chosen, chosenRows)
}

// print measures and prints. The figures so far are printed also where the run ends early.
func (o options) print(ctx context.Context, chosen []*system, chosenRows []row) error {
	var figures []figure
	failed := 0
	err := runAll(ctx, o, chosen, chosenRows, func(f figure) error {
		if f.Failed {
			failed++
		}
		if o.format == "json" {
			line, err := json.Marshal(f)
			if err != nil {
				return err
			}
			_, err = fmt.Println(string(line))
			return err
		}
		figures = append(figures, f)
		what := bench.Grouped(f.EventsPerS) + " events/s"
		if f.Missing != "" {
			what = f.Missing
		}
		fmt.Fprintf(os.Stderr, "%s %s, %s: %s\n", time.Now().Format(time.TimeOnly), f.Row, f.System, what)
		return nil
	})
	if len(figures) > 0 {
		err = errors.Join(err, printTables(os.Stdout, o, figures))
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%s could not be measured", plural(failed, "figure"))
	}
	return err
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' })
}
