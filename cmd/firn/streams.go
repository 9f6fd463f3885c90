package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
)

type streamsOptions struct {
	consistencyFlags
	category, prefix, after, at string
	limit                       uint64
	system                      bool
}

func newStreamsCommand(c *console) *cobra.Command {
	var o streamsOptions
	cmd := &cobra.Command{
		Use:   "streams",
		Short: "List streams, sorted by name",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := firn.StreamQuery{
				Category: o.category, Prefix: o.prefix, After: o.after,
				Limit: o.limit, System: o.system, Consistency: o.consistency(),
			}
			var err error
			if q.Bound, err = points.Parse("--at", o.at, false, c.now()); err != nil {
				return err
			}
			if err := q.Check(); err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return runStreams(s, q) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.category, "category", "", "only streams of this category")
	f.StringVar(&o.prefix, "prefix", "", "only names that begin so")
	f.StringVar(&o.after, "after", "", "only names after this one; for going on with a list")
	f.StringVar(&o.at, "at", "", "as of this point in time")
	f.Uint64Var(&o.limit, "limit", 0, "at most so many streams (default: no limit)")
	f.BoolVar(&o.system, "system", false, "also the system's streams, whose names begin with $")
	o.consistencyFlags.add(f)
	return cmd
}

func runStreams(s *session, q firn.StreamQuery) error {
	if err := s.noteMoment(q.Bound, q.Consistency); err != nil {
		return err
	}
	return each(s.patience, s.db.Streams(s.ctx, q), func(i *firn.StreamInfo) error {
		return s.print.row(streamFields(i)...)
	})
}

func streamFields(i *firn.StreamInfo) []field {
	return []field{
		str("stream", i.Name), str("category", firn.Category(i.Name)), num("revision", i.Revision),
		num("events", i.Events), num("bytes", i.Bytes),
		when("first_time", i.FirstTime), when("last_time", i.LastTime), str("life", i.State.String()),
	}
}
