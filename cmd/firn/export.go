package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/points"
)

type exportOptions struct {
	selectFlags
	consistencyFlags
	stream, category string
	from, at         string
	upcast           bool
}

func newExportCommand(c *console) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [STREAM | --category C]",
		Short: "Print events as CloudEvents, one JSON object a line",
		Long: `Print events as CloudEvents, one JSON object a line, in the order of the store.
The same events always give the same bytes; firn import reads them.

With --upcast, an event that cannot be brought into today's shape is printed as
it is stored and named on standard error; the exit status is then 1 at the end.`,
		Example: `  firn export | gzip > store.ndjson.gz
  firn export --category order --at 2026-03-01`,
		Args:              args("[STREAM]"),
		ValidArgsFunction: c.completeStreams,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				o.stream = words[0]
			}
			q, err := o.query(c)
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return runExport(s, q) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.category, "category", "", "only streams of this category")
	o.selectFlags.add(f)
	f.StringVar(&o.from, "from", "", "first event, a point in time (default: start)")
	f.StringVar(&o.at, "at", "", "the past as of this point in time")
	f.BoolVar(&o.upcast, "upcast", false, "in today's shape instead of as stored")
	o.consistencyFlags.add(f)
	return cmd
}

func (o *exportOptions) query(c *console) (firn.Query, error) {
	target := targetFlags{stream: o.stream, category: o.category, all: o.stream == "" && o.category == ""}
	q, err := target.query()
	if err != nil {
		return q, err
	}
	o.selectFlags.apply(&q)
	q.Raw, q.Consistency = !o.upcast, o.consistency()
	if q.From, err = points.Parse("--from", o.from, q.Stream != "", c.now()); err != nil {
		return q, err
	}
	q.Bound, err = points.Parse("--at", o.at, q.Stream != "", c.now())
	return q, err
}

func runExport(s *session, q firn.Query) error {
	show, hide := func(firn.Position) {}, func() {}
	if s.terminalErr && !s.terminalOut {
		head, _, err := s.db.Head(s.ctx, q.Consistency)
		if err != nil {
			return err
		}
		bar := newBar(s.err, "export", int64(head))
		defer bar.Finish()
		hide = func() { bar.Clear() }
		show = func(p firn.Position) { bar.Set64(int64(min(p, head))) }
	}
	if err := s.noteMoment(q.Bound, q.Consistency); err != nil {
		return err
	}
	var line []byte
	faults := uint64(0)
	err := each(s.patience, s.db.Read(s.ctx, q), func(e *firn.Event) error {
		show(e.Position)
		if e.Fault != nil {
			faults++
			hide()
			if err := s.noteFault(e); err != nil {
				return err
			}
		}
		line = cloudevents.Append(line[:0], e)
		return s.print.line(line)
	})
	if err == nil && faults > 0 {
		err = fmt.Errorf("%s could not be upcast and stand in the export as they are stored; each is named above", plural(faults, "event"))
	}
	return err
}
