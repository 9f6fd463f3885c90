package main

import (
	"fmt"
	"strings"
)

// row is one thing that is measured of every system that can do it.
type row struct {
	name     string
	workload string // of package bench
	nodes    int
	clients  int
}

// rows are all of them, in the order in which they run.
var rows = []row{
	{"append-1", "append", 1, 1},
	{"append-64", "append", 1, 64},
	{"append-256", "append", 1, 256},
	{"batch-16", "batch", 1, 16},
	{"load-1", "load", 1, 1},
	{"load-64", "load", 1, 64},
	{"scan", "scan", 1, 1},
	{"deliver", "subscribe", 1, 1},
	{"3-append-1", "append", 3, 1},
	{"3-append-256", "append", 3, 256},
	{"3-batch-64", "batch", 3, 64},
}

// titles say what a workload is; deliver's brings catch-up along.
var titles = map[string]string{
	"append":    "append singly, the next revision expected",
	"batch":     "append batches of 100",
	"load":      "load streams of 100 events",
	"scan":      "read everything in the order of the appends",
	"catch-up":  "subscribe from the beginning until caught up",
	"subscribe": "from the append to the delivery",
}

// can says why a system has no figure in the row, or "".
func (r row) can(s *system) string {
	switch r.workload {
	case "load", "scan":
		if !s.reads {
			return "is not read"
		}
	case "subscribe":
		if !s.follows {
			return "is not followed"
		}
	}
	for _, n := range s.nodes {
		if n == r.nodes {
			return ""
		}
	}
	return "is not replicated so that an answer means a majority"
}

// selectedRows returns the rows that are named, in the order of the table; no name is
// all.
func selectedRows(names []string) ([]row, error) {
	if len(names) == 0 {
		return rows, nil
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var chosen []row
	var words []string
	for _, r := range rows {
		words = append(words, r.name)
		if wanted[r.name] {
			chosen = append(chosen, r)
			delete(wanted, r.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("there is no row %q; there are %s", name, strings.Join(words, ", "))
	}
	return chosen, nil
}
