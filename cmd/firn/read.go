package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
)

type readOptions struct {
	targetFlags
	selectFlags
	consistencyFlags
	from, at  string
	limit     uint64
	backwards bool
	raw       bool
	system    bool
}

func newReadCommand(c *console) *cobra.Command {
	var o readOptions
	cmd := &cobra.Command{
		Use:   "read [STREAM | --all | --category C | --id UUID]",
		Short: "Read events",
		Example: `  firn read order-42
  firn read --all --from @1000 --limit 100
  firn read --category order --types OrderPlaced,OrderPaid --at 2026-03-01`,
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
			return c.connected(cmd, func(s *session) error { return runRead(s, q) })
		},
	}
	f := cmd.Flags()
	o.targetFlags.add(f)
	o.selectFlags.add(f)
	f.StringVar(&o.from, "from", "", "first event, a point in time (default: start, or end with --backwards)")
	f.StringVar(&o.at, "at", "", "read the past as of this point in time")
	f.Uint64Var(&o.limit, "limit", 0, "at most so many events (default: no limit)")
	f.BoolVar(&o.backwards, "backwards", false, "newest first")
	f.BoolVar(&o.raw, "raw", false, "as stored, not upcast")
	f.BoolVar(&o.system, "system", false, "also the system's streams, whose names begin with $")
	o.consistencyFlags.add(f)
	return cmd
}

// query turns the flags into a query.
func (o *readOptions) query(c *console) (firn.Query, error) {
	q, err := o.targetFlags.query()
	if err != nil {
		return q, err
	}
	o.selectFlags.apply(&q)
	q.Limit, q.Backwards, q.Raw, q.System = o.limit, o.backwards, o.raw, o.system
	q.Consistency = o.consistency()
	if q.From, err = points.Parse("--from", o.from, q.Stream != "", c.now()); err != nil {
		return q, err
	}
	if q.Bound, err = points.Parse("--at", o.at, q.Stream != "", c.now()); err != nil {
		return q, err
	}
	return q, nil
}

func runRead(s *session, q firn.Query) error {
	if err := s.noteMoment(q.Bound, q.Consistency); err != nil {
		return err
	}
	return each(s.patience, s.db.Read(s.ctx, q), s.event)
}
