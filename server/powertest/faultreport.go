package powertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// FaultReport says what [Faults] has done.
type FaultReport struct {
	Parts  int // of the workload
	Points map[Point]int
	Took   time.Duration
}

// Point is a sort of single fault, and how the node took it.
type Point struct {
	File      string // "store: table", "Raft log: log", "identity", …
	Operation string // "write", "sync", …
	Fault     string // "EIO", "ENOSPC", "short write", "power loss"
	Outcome   string // "did not start", "stopped", "went on"; after a power loss "recovered"
}

// Total counts all points.
func (r FaultReport) Total() (n int) {
	for _, count := range r.Points {
		n += count
	}
	return n
}

func (r FaultReport) String() string {
	faults, outcomes, rows := map[string]int{}, map[string]int{}, map[[2]string]map[string]int{}
	for p, n := range r.Points {
		faults[p.Fault] += n
		outcomes[p.Outcome] += n
		row := [2]string{p.File, p.Operation}
		if rows[row] == nil {
			rows[row] = map[string]int{}
		}
		rows[row][p.Outcome] += n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d points in %d parts (%s), %.1f s\n%-24s %-16s", r.Total(), r.Parts, counts(faults), r.Took.Seconds(), "", "")
	columns := slices.Sorted(maps.Keys(outcomes))
	for _, outcome := range columns {
		fmt.Fprintf(&b, " %14s", outcome)
	}
	for _, row := range slices.SortedFunc(maps.Keys(rows), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		fmt.Fprintf(&b, "\n%-24s %-16s", row[0], row[1])
		for _, outcome := range columns {
			fmt.Fprintf(&b, " %14d", rows[row][outcome])
		}
	}
	return b.String()
}

func counts(of map[string]int) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		texts = append(texts, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(texts, ", ")
}
