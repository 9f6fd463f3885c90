package bench

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"slices"
	"time"
)

// Report is a run of the benchmarks as a page to read: one HTML file that loads
// nothing.
type Report struct {
	Command string // that made it
	Began   time.Time
	Machine Machine
	Results []Result
}

//go:embed report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"grouped": Grouped,
	"micros":  micros,
	"floor":   floor,
	"share":   func(v float64) string { return known(100*v, "%.1f %%") },
	"known":   func(format string, v float64) string { return known(v, format) },
	"mb":      func(bytes uint64) string { return known(float64(bytes)/1e6, "%.0f MB") },
}).Parse(reportPage))

// WriteHTML writes the page.
func (r *Report) WriteHTML(w io.Writer) error {
	var syncs []float64
	page := struct {
		*Report
		SyncUs   float64
		Commit   string
		Sections []*section
		Unsteady bool
		Included bool
	}{Report: r}
	for _, one := range r.Results {
		syncs = append(syncs, one.SyncUs)
		if one.Commit != "" {
			page.Commit = one.Commit
		}
		page.Unsteady = page.Unsteady || one.Unsteady > 0
		page.Included = page.Included || one.ClientIncluded
		last := len(page.Sections) - 1
		if last < 0 || page.Sections[last].Name != one.Workload {
			page.Sections = append(page.Sections, &section{Name: one.Workload, About: about[one.Workload]})
			last++
		}
		page.Sections[last].Results = append(page.Sections[last].Results, one)
	}
	page.SyncUs = median(syncs)
	for _, s := range page.Sections {
		s.draw()
	}
	return reportTemplate.Execute(w, page)
}

// section is all figures of one workload.
type section struct {
	Name, About string
	Results     []Result
	ByLatency   bool // what counts is a latency

	Bars       []bar
	BarsHeight int

	Lines       []line
	LinesHeight int
	Ticks       []tick
}

// What a chart is made of, in units of its drawing. See report.html.
type (
	bar struct {
		Y            int
		Label        string
		Width, Floor float64
		Value, Least string // beside the bars; Least is "" where there is no floor
		Ratio        float64
	}
	line struct {
		Y     int
		Label string
		Kind  bool // of calls, below the line of all
		Dots  []dot
	}
	dot struct {
		X    float64
		Name string // which percentile
		At   string
	}
	tick struct {
		X     float64
		Label string
	}
)

// The drawing's measures.
const (
	chartLeft  = 130 // labels stand left of it
	chartRight = 580 // values stand right of it
	barPitch   = 52
	linePitch  = 28
	chartTop   = 8
)

func (s *section) draw() {
	s.drawBars()
	s.drawLines()
}

// drawBars draws what counts against its floor. The scale begins at zero and is
// the same for both.
func (s *section) drawBars() {
	longest := 0.0
	for _, r := range s.Results {
		s.ByLatency = s.ByLatency || byLatency(r)
		longest = max(longest, figureOf(r), r.FloorPerS, r.FloorUs)
	}
	width := func(v float64) float64 { return math.Round(10*v/max(longest, 1)*(chartRight-chartLeft)) / 10 }
	for i, r := range s.Results {
		b := bar{Y: chartTop + i*barPitch, Label: clientsLabel(r), Width: width(figureOf(r)), Floor: width(r.FloorPerS + r.FloorUs), Ratio: r.Ratio}
		if b.Value = Grouped(r.EventsPerS) + "/s"; byLatency(r) {
			b.Value = micros(figureOf(r))
		}
		if r.FloorPerS+r.FloorUs > 0 {
			b.Least = floor(r)
		}
		s.Bars = append(s.Bars, b)
	}
	s.BarsHeight = chartTop + len(s.Bars)*barPitch
}

// figureOf is what counts of a result: the latency that was held against the
// floor, the median one where there is no floor and are no events, or events/s.
func figureOf(r Result) float64 {
	switch {
	case r.FloorUs > 0:
		return r.Ratio * r.FloorUs
	case byLatency(r):
		return r.P50us
	}
	return r.EventsPerS
}

func byLatency(r Result) bool { return r.FloorUs > 0 || r.EventsPerS == 0 && r.P50us > 0 }

// drawLines draws the percentiles, on a scale of powers of ten.
func (s *section) drawLines() {
	least, most := math.Inf(1), 1.0
	each := func(k Kind, take func(name string, us float64)) {
		for _, p := range []struct {
			name string
			us   float64
		}{{"p50", k.P50us}, {"p90", k.P90us}, {"p99", k.P99us}, {"p99.9", k.P999us}, {"max", k.MaxUs}} {
			take(p.name, max(p.us, 0.1))
		}
	}
	var kinds []Kind
	for _, r := range s.Results {
		all := Kind{Kind: clientsLabel(r), P50us: r.P50us, P90us: r.P90us, P99us: r.P99us, P999us: r.P999us, MaxUs: r.MaxUs}
		kinds = append(append(kinds, all), r.Kinds...)
	}
	kinds = slices.DeleteFunc(kinds, func(k Kind) bool { return k.MaxUs == 0 }) // such as fill, which has no calls
	for _, k := range kinds {
		each(k, func(_ string, us float64) { least, most = min(least, us), max(most, us) })
	}
	if len(kinds) == 0 {
		return
	}
	from, to := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	if to <= from {
		to = from + 1
	}
	at := func(us float64) float64 {
		return math.Round(10*(chartLeft+(math.Log10(us)-from)/(to-from)*(chartRight-chartLeft))) / 10
	}
	for _, k := range kinds {
		l := line{Y: chartTop + 10 + len(s.Lines)*linePitch, Label: k.Kind, Kind: k.Calls > 0}
		each(k, func(name string, us float64) { l.Dots = append(l.Dots, dot{at(us), name, micros(us)}) })
		s.Lines = append(s.Lines, l)
	}
	for e := from; e <= to; e++ {
		s.Ticks = append(s.Ticks, tick{at(math.Pow(10, e)), decade(e)})
	}
	s.LinesHeight = chartTop + 10 + len(s.Lines)*linePitch + 18
}

// decade prints 10^e µs.
func decade(e float64) string {
	units := []string{"µs", "ms", "s", "000 s"}
	if e < 0 {
		return "0.1 µs"
	}
	return known(math.Pow(10, math.Mod(e, 3)), "%.0f ") + units[min(int(e)/3, len(units)-1)]
}

func clientsLabel(r Result) string {
	label := Grouped(float64(r.Clients)) + " client"
	if r.Clients != 1 {
		label += "s"
	}
	return label
}

// about says in a sentence what a workload is.
var about = map[string]string{
	"append":        "One event a call, at the exact revision expected; each is synced before its answer.",
	"batch":         "A hundred events a call, otherwise as append.",
	"load":          "Whole streams of 100 events, drawn from all.",
	"scan":          "Everything, in global order. A latency spans a thousand events.",
	"category":      "A category that is nearly everything, from its beginning until caught up, against reading everything.",
	"category-rare": "A category that is a hundredth of everything, spread over all of it, against reading everything.",
	"catch-up":      "One subscriber follows everything from its beginning until it has caught up.",
	"subscribe":     "From the moment at which an event was due to be appended to its delivery at each client.",
	"group":         "A consumer group of everything; from a delivery to its durable acknowledgement.",
	"interference":  "Appends while one more client reads everything again and again; the 99th percentile against that of the same appends alone.",
	"mixed":         "80 % of the calls load an aggregate and append to it, 15 % catch up with a category, 5 % look into a stream’s past. Rates count calls.",
}
