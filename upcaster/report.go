package upcaster

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// The limits of a report.
const (
	CountsMax     = 10_000   // types and versions that are counted apart
	KeptDataBytes = 16 << 10 // an event whose data and metadata are larger is kept without them, and makes no sample
)

// Report is what a [Check] found.
type Report struct {
	Events  uint64 // seen
	Changed uint64 // brought into another shape
	Failed  uint64

	Counts    []Count   // sorted by type and version
	Uncounted uint64    // events of types and versions beyond CountsMax
	Failures  []Failure // sorted by position; those with the lowest
	Samples   []Sample  // sorted by type, version and position

	options CheckOptions
	counts  map[typeVersion]*Count
	samples map[typeVersion][]Sample
}

// Count is what became of the events of one stored type and version.
type Count struct {
	Type                    string
	Schema                  uint32 // 1 where the events say none
	Events, Changed, Failed uint64
}

// Failure is an event that could not be upcast.
type Failure struct {
	Event firn.Event // as stored; without data and metadata where they are large
	Err   *Error
}

// Sample is an event before and after.
type Sample struct {
	Before, After firn.Event
}

func (s *Sample) small() bool {
	return len(s.Before.Data)+len(s.Before.Metadata) <= KeptDataBytes && len(s.After.Data) <= KeptDataBytes
}

func newFailure(e *firn.Event, err error) Failure {
	f := Failure{Event: *e}
	if !errors.As(err, &f.Err) { // the context's
		f.Err = &Error{Type: e.Type, Schema: e.Schema, Reason: err.Error()}
	}
	if len(e.Data)+len(e.Metadata) > KeptDataBytes {
		f.Event.Data, f.Event.Metadata = nil, nil
	}
	return f
}

func newReport(o CheckOptions) *Report {
	return &Report{options: o, counts: map[typeVersion]*Count{}, samples: map[typeVersion][]Sample{}}
}

func (r *Report) add(f *findings) {
	for key, c := range f.counts {
		r.Events += c.Events
		r.Changed += c.Changed
		r.Failed += c.Failed
		total := r.counts[key]
		switch {
		case total != nil:
			total.Events += c.Events
			total.Changed += c.Changed
			total.Failed += c.Failed
		case len(r.counts) < CountsMax:
			r.counts[key] = c
		default:
			r.Uncounted += c.Events
		}
	}
	r.Failures = append(r.Failures, f.failures...)
	if len(r.Failures) > 2*r.options.Failures+batchEvents {
		r.cutFailures()
	}
	for key, list := range f.samples {
		if r.counts[key] == nil {
			continue
		}
		list = append(r.samples[key], list...)
		slices.SortFunc(list, func(a, b Sample) int { return cmp.Compare(a.Before.Position, b.Before.Position) })
		r.samples[key] = slices.Clone(list[:min(len(list), r.options.Samples)])
	}
}

// cutFailures keeps the failures with the lowest positions.
func (r *Report) cutFailures() {
	slices.SortFunc(r.Failures, func(a, b Failure) int { return cmp.Compare(a.Event.Position, b.Event.Position) })
	if n := r.options.Failures; len(r.Failures) > n {
		clear(r.Failures[n:])
		r.Failures = r.Failures[:n]
	}
}

func (r *Report) finish() {
	r.cutFailures()
	for _, c := range r.counts {
		r.Counts = append(r.Counts, *c)
	}
	byShape := func(aType string, aSchema uint32, bType string, bSchema uint32) int {
		return cmp.Or(strings.Compare(aType, bType), cmp.Compare(aSchema, bSchema))
	}
	slices.SortFunc(r.Counts, func(a, b Count) int { return byShape(a.Type, a.Schema, b.Type, b.Schema) })
	for _, list := range r.samples {
		r.Samples = append(r.Samples, list...)
	}
	slices.SortStableFunc(r.Samples, func(a, b Sample) int {
		return cmp.Or(byShape(a.Before.Type, version(a.Before.Schema), b.Before.Type, version(b.Before.Schema)),
			cmp.Compare(a.Before.Position, b.Before.Position))
	})
}
