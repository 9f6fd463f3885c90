package main

import (
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/upcaster"
)

type upcasterCheckOptions struct {
	path     string
	failures int
	samples  int
}

func newUpcasterCheckCommand(c *console) *cobra.Command {
	var o upcasterCheckOptions
	cmd := &cobra.Command{
		Use:   "check FILE|-",
		Short: "Try an upcaster on the whole history before it is put to use",
		Long: `Try an upcaster on the whole history, together with those that are in force, in
the place of the one that has its name now. Each failure is listed with its event
and reason, and what became of each type and version is counted; --sample shows
events before and after. Nothing is changed. The exit status is 0 only where
nothing fails, else 1.`,
		Example: `  firn upcaster check order-shape.yaml --sample 2`,
		Args:    args("FILE"),
		RunE: func(cmd *cobra.Command, words []string) error {
			o.path = words[0]
			if o.failures < 1 || o.samples < 0 {
				return usage("--failures %d, --sample %d; give at least 1 and 0", o.failures, o.samples)
			}
			text, _, err := c.readDefinition(o.path)
			if err != nil {
				return err
			}
			u, err := upcaster.Parse(text)
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return runUpcasterCheck(s, o, u) })
		},
	}
	cmd.Flags().IntVar(&o.failures, "failures", 100, "list at most so many failures, the first in the store; all are counted")
	cmd.Flags().IntVar(&o.samples, "sample", 0, "show so many events of each type and version that changes, before and after")
	return cmd
}

func runUpcasterCheck(s *session, o upcasterCheckOptions, u *upcaster.Definition) error {
	registry, scope, err := s.registryWith(u)
	if err != nil {
		return err
	}
	head, _, err := s.db.Head(s.ctx, firn.Consistency{})
	if err != nil {
		return err
	}
	r := &rangeReader{session: s, query: scope, head: head}
	options := upcaster.CheckOptions{Failures: o.failures, Samples: o.samples, Workers: runtime.GOMAXPROCS(0)}
	if s.terminalErr {
		bar := newBar(s.err, "check", int64(head))
		defer bar.Finish()
		options.Progress = func(uint64) { bar.Set64(int64(r.done.Load())) }
	}
	s.patience.rest() // each range has its own
	report, err := upcaster.Check(s.ctx, registry, options, r.ranges(rangeLeast, options.Workers)...)
	if err != nil {
		return err
	}
	if o.samples == 0 {
		report.Samples = nil
	}
	return s.upcasterReport(u, report)
}

// registryWith is what would be in force with a definition, and whose events it
// can touch.
func (s *session) registryWith(u *upcaster.Definition) (*upcaster.Registry, firn.Query, error) {
	scope := firn.Query{All: true, Raw: true}
	if u.Category != "" {
		scope = firn.Query{Category: u.Category, Raw: true}
	}
	defined, err := s.db.Definitions(s.ctx, firn.UpcasterDefinition, firn.Point{})
	if err != nil {
		return nil, scope, err
	}
	all := []*upcaster.Definition{u}
	for i := range defined {
		other, err := upcaster.Parse(defined[i].Source)
		if err != nil {
			return nil, scope, fmt.Errorf("the upcaster %s, which is in force: %w", defined[i].Name, err)
		}
		if other.Name != u.Name {
			all = append(all, other)
		} else if other.Category != u.Category { // its events lose it
			scope = firn.Query{All: true, Raw: true}
		}
	}
	registry, err := upcaster.NewRegistry(all...)
	return registry, scope, err
}

// rangeReader reads the history in ranges of positions, several at once, all of
// one past.
type rangeReader struct {
	*session
	query firn.Query
	head  firn.Position
	done  atomic.Uint64 // positions behind which nothing is left, of all ranges
}

// rangeLeast is about a layer: no range is read for a few events.
const rangeLeast = 65_536

// ranges returns a few for each reader: enough that none is left alone with a
// long one, and few enough for what is read beyond their ends not to count.
func (r *rangeReader) ranges(least firn.Position, readers int) (all []iter.Seq2[firn.Event, error]) {
	size := max(least, r.head/firn.Position(4*readers)+1)
	for from := firn.Position(1); from <= r.head; from += size {
		all = append(all, r.events(from, min(from+size-1, r.head)))
	}
	return all
}

// events yields what is from a position to another.
func (r *rangeReader) events(from, to firn.Position) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		p := newPatience(r.ctx, r.timeout+r.timeout/timeoutMargin)
		defer p.stop()
		q := r.query
		q.From, q.Bound, q.Limit = firn.PositionPoint(from), firn.PositionPoint(r.head), uint64(to-from+1)
		behind := from - 1
		passed := func(at firn.Position) {
			r.done.Add(uint64(at - behind))
			behind = at
		}
		err := each(p, r.db.Read(p.ctx, q), func(e *firn.Event) error {
			if e.Position > to || !yield(*e, nil) {
				return errStopped
			}
			passed(e.Position)
			return nil
		})
		passed(to)
		if err != nil && err != errStopped {
			yield(firn.Event{}, p.explain(err))
		}
	}
}

func (s *session) upcasterReport(u *upcaster.Definition, r *upcaster.Report) error {
	fields := []field{
		boolean("ok", r.Failed == 0), str("upcaster", u.Name), str("category", u.Category),
		num("events", r.Events), num("changed", r.Changed), num("failed", r.Failed),
		countsField(r), failuresField(r),
	}
	if len(r.Samples) > 0 && s.print.format == "json" {
		fields = append(fields, samplesField(r.Samples))
	}
	err := s.print.object(fields...)
	if err == nil && s.print.format != "json" {
		for i := range r.Samples {
			s.print.sample(&r.Samples[i])
		}
		err = s.print.w.Flush()
	}
	if err == nil && r.Failed > 0 {
		err = fmt.Errorf("%d of %s cannot be shown in today's shape", r.Failed, plural(r.Events, "event"))
	}
	return err
}

func countsField(r *upcaster.Report) field {
	texts, objects := []string{fmt.Sprint(len(r.Counts))}, make([][]byte, len(r.Counts))
	for i, n := range r.Counts {
		texts = append(texts, fmt.Sprintf("%s %d: %s, %d changed, %d failed", n.Type, n.Schema, plural(n.Events, "event"), n.Changed, n.Failed))
		objects[i] = objectLine([]field{str("type", n.Type), num("schema", n.Schema), num("events", n.Events), num("changed", n.Changed), num("failed", n.Failed)})
	}
	if r.Uncounted > 0 {
		texts = append(texts, fmt.Sprintf("further types: %s", plural(r.Uncounted, "event")))
		objects = append(objects, objectLine([]field{raw("type", []byte("null")), raw("schema", []byte("null")), num("events", r.Uncounted)}))
	}
	return field{"types", strings.Join(texts, "\n  "), jsonline.List(objects)}
}

func failuresField(r *upcaster.Report) field {
	texts, objects := []string{fmt.Sprint(r.Failed)}, make([][]byte, len(r.Failures))
	for i := range r.Failures {
		e, why := &r.Failures[i].Event, r.Failures[i].Err
		texts = append(texts, fmt.Sprintf("%s/%d @%d %s", e.Stream, e.Revision, e.Position, why))
		objects[i] = objectLine([]field{
			str("stream", e.Stream), num("revision", e.Revision), num("position", e.Position), str("id", e.ID.String()),
			str("type", e.Type), num("schema", max(e.Schema, 1)),
			str("upcaster", why.Upcaster), str("step", why.Step), str("action", why.Action), str("path", why.Path), str("reason", why.Reason),
		})
	}
	return field{"failures", strings.Join(texts, "\n  "), jsonline.List(objects)}
}
