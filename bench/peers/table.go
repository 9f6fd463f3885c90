package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn/bench"
)

// printTables prints all figures as Markdown that is aligned, so that it can be
// read as it is: what was run where, and a table a row.
func printTables(w io.Writer, o options, figures []figure) error {
	b, m := bufio.NewWriter(w), bench.ThisMachine()
	fmt.Fprintf(b, "%s, %d CPUs, %s, %s; events of %d bytes; the median of %s of %s\n\n",
		cmp.Or(m.CPU, runtime.GOARCH), m.Cores, m.OS, m.Go, o.size, plural(o.runs, "run"), o.duration)
	printVersions(b, figures)
	unsteady := false
	for _, block := range blocks(figures) {
		unsteady = printBlock(b, block) || unsteady
	}
	if unsteady {
		fmt.Fprintf(b, "\n\\* the floors around a run differed by more than 20 %%: something else used the machine\n")
	}
	return b.Flush()
}

func printVersions(w io.Writer, figures []figure) {
	lines := [][]string{{"system", "as", "synced before the answer", "version"}}
	seen := map[string]bool{}
	for _, f := range figures {
		if seen[f.System] {
			continue
		}
		seen[f.System] = true
		version := f.Version
		if version == "" {
			version = "not installed"
		}
		lines = append(lines, []string{f.System, f.About, yes(f.Synced), version})
	}
	printAligned(w, lines)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// blocks groups the figures by row, in the order in which rows came.
func blocks(figures []figure) [][]figure {
	var all [][]figure
	place := map[string]int{}
	for _, f := range figures {
		i, ok := place[f.Row]
		if !ok {
			i = len(all)
			place[f.Row] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], f)
	}
	return all
}

// printBlock prints one row of all systems. "Firn is" says how many times as fast
// Firn is: by events/s, for deliveries by the median latency.
func printBlock(w io.Writer, block []figure) (unsteady bool) {
	first := block[0]
	fmt.Fprintf(w, "\n%s: %s; %s, %s\n\n", first.Row, titles[first.Workload], plural(first.Nodes, "node"), plural(first.Clients, "client"))
	latency := first.Workload == "subscribe"
	var firn *figure
	for i := range block {
		if f := &block[i]; f.System == "firn" && f.Missing == "" {
			firn = f
		}
	}
	lines := [][]string{{"system", "events/s", "spread", "p50", "p99", "floor", "÷ floor", "Firn is", "errors"}}
	var absent []string
	for _, f := range block {
		if f.Missing != "" {
			absent = append(absent, f.System+": "+f.Missing)
			continue
		}
		name := f.System
		if !f.Synced {
			name += " (not synced)"
		}
		floor := bench.Grouped(f.FloorPerS) + "/s"
		if latency {
			floor = micro(f.FloorUs)
		}
		ratio := fmt.Sprintf("%.2f", f.Ratio)
		if f.Unsteady > 0 {
			ratio, unsteady = ratio+" \\*", true
		}
		lines = append(lines, []string{name, bench.Grouped(f.EventsPerS), fmt.Sprintf("%.0f %%", 100*f.Spread),
			micro(f.P50us), micro(f.P99us), floor, ratio, f.against(firn, latency), fmt.Sprint(f.Errors)})
	}
	if len(lines) > 1 {
		printAligned(w, lines)
	}
	for _, a := range absent {
		fmt.Fprintf(w, "\n- %s", a)
	}
	if len(absent) > 0 {
		fmt.Fprintln(w)
	}
	return unsteady
}

func (f *figure) against(firn *figure, latency bool) string {
	switch {
	case firn == nil || f.System == "firn":
		return ""
	case latency && firn.P50us > 0:
		return fmt.Sprintf("%.2f ×", f.P50us/firn.P50us)
	case !latency && f.EventsPerS > 0:
		return fmt.Sprintf("%.2f ×", firn.EventsPerS/f.EventsPerS)
	}
	return ""
}

// printAligned prints a Markdown table whose first line is its heading. Columns of
// numbers are to the right.
func printAligned(w io.Writer, lines [][]string) {
	widths := make([]int, len(lines[0]))
	right := make([]bool, len(lines[0]))
	for i := range widths {
		for _, l := range lines {
			widths[i] = max(widths[i], utf8.RuneCountInString(l[i]))
		}
		right[i] = lines[0][i] == "events/s" || i > 1 && lines[0][1] == "events/s"
	}
	for n, l := range lines {
		for i, cell := range l {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				cell = pad + cell
			} else {
				cell += pad
			}
			fmt.Fprintf(w, "| %s ", cell)
		}
		fmt.Fprintln(w, "|")
		if n > 0 {
			continue
		}
		for i := range l {
			rule := strings.Repeat("-", widths[i])
			if right[i] {
				rule = rule[1:] + ":"
			}
			fmt.Fprintf(w, "| %s ", rule)
		}
		fmt.Fprintln(w, "|")
	}
}

func micro(us float64) string {
	return time.Duration(us * 1e3).Round(digits(us)).String()
}

// digits is what a time of so many µs is rounded to, so that three digits are left.
func digits(us float64) time.Duration {
	unit := time.Duration(10)
	for limit := 10.0; us >= limit; limit *= 10 {
		unit *= 10
	}
	return unit
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
