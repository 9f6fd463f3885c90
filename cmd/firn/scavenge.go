package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

func newScavengeCommand(c *console) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "scavenge [--dry-run]",
		Short: "Give back the space of what is hidden",
		Long: `Give back the space of events that are hidden: deleted, truncated, tombstoned or
past a limit. They could still be seen in the past; from here on they are gone
from every point in time. Positions and revisions stay as they are.

It returns once the leader has removed them; the other nodes do so by themselves,
slowly, without disturbing anybody.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.connected(cmd, func(s *session) error { return runScavenge(s, dryRun) })
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only count what would be removed, on the node addressed")
	return cmd
}

func runScavenge(s *session, dryRun bool) error {
	progress := s.progress("layers", s.patience.moved)
	var done wire.Scavenged
	var err error
	if dryRun {
		done, err = s.db.Scavengeable(s.ctx, s.address(), progress)
	} else {
		done, err = s.db.Scavenge(s.ctx, firn.NewID(), progress)
	}
	if err != nil {
		return err
	}
	fields := []field{num("layers", done.Layers), num("events", done.Events), num("bytes", done.Bytes)}
	if !dryRun {
		fields = append([]field{num("position", done.Position), when("time", done.Time)}, fields...)
	}
	return s.print.object(fields...)
}
