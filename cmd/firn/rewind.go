package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn/internal/points"
)

func newRewindCommand(c *console) *cobra.Command {
	var to string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "rewind NAME --to P",
		Short: "Make a group begin again behind a point in time, back or forward",
		Long: `Make a group begin again behind a point in time: what it follows behind that
point is delivered again, and what it has parked is forgotten where it lies behind
it. --to end skips everything there is.`,
		Example: `  firn group rewind billing --to 2026-03-01 --dry-run
  firn group rewind billing --to @70000`,
		Args:              args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			if to == "" {
				return usage("--to is missing: a position, a moment, start or end")
			}
			p, err := points.Parse("--to", to, false, c.now())
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error {
				r, err := s.db.Rewind(s.ctx, words[0], p, dryRun)
				if err != nil {
					return err
				}
				return s.print.object(str("group", words[0]), num("from", r.From), num("to", r.To), num("redelivered", r.Redelivered), boolean("dry_run", dryRun))
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "a position, a moment, start or end")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what that would redeliver")
	return cmd
}
