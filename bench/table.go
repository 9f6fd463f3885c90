package bench

import (
	"fmt"
	"io"
	"strings"
)

// Table prints results for people, a row as soon as it is there.
type Table struct {
	w        io.Writer
	rows     int
	unsteady bool
}

// NewTable returns a table that is printed to w.
func NewTable(w io.Writer) *Table { return &Table{w: w} }

const (
	tableRow = "%-13s %7s %11s %8s %9s %9s %9s %9s %9s %11s %6s %9s %5s %8s %7s %7s\n"
	kindRow  = "%-41s  %9s %9s %9s %9s %9s\n"
)

// Add prints a row, and before the first one the headings.
func (t *Table) Add(r Result) error {
	var b strings.Builder
	if t.rows == 0 {
		fmt.Fprintf(&b, tableRow, "workload", "clients", "events/s", "spread", "p50", "p90", "p99", "p99.9", "max", "floor", "ratio", "sync", "cpu", "memory", "written", "errors")
	}
	t.rows++
	ratio := fmt.Sprintf("%.2f", r.Ratio)
	if r.Ratio == 0 {
		ratio = ""
	}
	if r.Unsteady > 0 {
		t.unsteady = true
		ratio += "*"
	}
	fmt.Fprintf(&b, tableRow, r.Workload, fmt.Sprint(r.Clients), Grouped(r.EventsPerS), fmt.Sprintf("%.1f %%", 100*r.Spread),
		micros(r.P50us), micros(r.P90us), micros(r.P99us), micros(r.P999us), micros(r.MaxUs),
		floor(r), ratio, micros(r.SyncUs), known(r.CPU, "%.2f"), known(float64(r.MemoryBytes)/1e6, "%.0f MB"), known(r.WrittenPerStored, "%.1f"), fmt.Sprint(r.Errors))
	for _, k := range r.Kinds {
		fmt.Fprintf(&b, kindRow, "  "+k.Kind, micros(k.P50us), micros(k.P90us), micros(k.P99us), micros(k.P999us), micros(k.MaxUs))
	}
	if r.Unmade > 0 {
		fmt.Fprintf(&b, "  of %s calls that were due each second, %s in all were not begun in their run; what they had waited by then is in the percentiles\n",
			Grouped(float64(r.Arrivals)), Grouped(float64(r.Unmade)))
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

// Close prints what must be said about the rows, if anything.
func (t *Table) Close() error {
	if !t.unsteady {
		return nil
	}
	_, err := fmt.Fprintf(t.w, "* the floors around a run still differed by more than %.0f %% after %d repetitions: something else uses the machine\n",
		100*unsteadyShare, repeatsMax)
	return err
}

// floor prints what a figure is held against, with its unit.
func floor(r Result) string {
	switch {
	case r.FloorUs > 0:
		return micros(r.FloorUs)
	case r.FloorPerS == 0:
		return "none"
	}
	return Grouped(r.FloorPerS) + "/s"
}

// known prints a value that is not 0.
func known(v float64, format string) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf(format, v)
}

// micros prints a time that is given in µs, with three digits.
func micros(us float64) string {
	switch {
	case us < 1e3:
		return digits3(us) + " µs"
	case us < 1e6:
		return digits3(us/1e3) + " ms"
	}
	return digits3(us/1e6) + " s"
}

func digits3(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// Grouped prints a whole number with its digits in groups of three.
func Grouped(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
