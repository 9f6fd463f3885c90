package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
)

type truncateOptions struct {
	stream string
	before uint64
	yes    bool
}

func newTruncateCommand(c *console) *cobra.Command {
	var o truncateOptions
	cmd := &cobra.Command{
		Use:               "truncate STREAM --before N",
		Short:             "Remove the events of a stream below a revision, from every point in time",
		Args:              args("STREAM"),
		ValidArgsFunction: c.completeStreams,
		RunE: func(cmd *cobra.Command, words []string) error {
			o.stream = words[0]
			if !cmd.Flags().Changed("before") {
				return usage("--before is missing: the first revision to keep")
			}
			return c.connected(cmd, func(s *session) error { return runTruncate(s, o) })
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&o.before, "before", 0, "the first revision to keep")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func runTruncate(s *session, o truncateOptions) error {
	info, err := s.db.Stream(s.ctx, o.stream, firn.Point{})
	if err != nil {
		return err
	}
	gone := eventsBelow(&info, firn.Revision(o.before))
	question := fmt.Sprintf("%s of %q below revision %d go, from every point in time. Go on?", plural(gone, "event"), o.stream, o.before)
	if err := s.confirm(o.yes, question); err != nil {
		return err
	}
	at, err := s.db.Change(s.ctx, o.stream, firn.Any, firn.Truncate{Before: firn.Revision(o.before)})
	if err != nil {
		return err
	}
	return s.print.object(str("stream", o.stream), num("before", o.before), num("events", gone), num("position", at))
}

// eventsBelow counts the visible events below a revision. What is visible of a
// stream is always its end, without holes.
func eventsBelow(i *firn.StreamInfo, before firn.Revision) uint64 {
	if i.Events == 0 || before <= i.FirstRevision {
		return 0
	}
	return min(i.Events, uint64(before-i.FirstRevision))
}
