package main

import "github.com/spf13/cobra"

func newStatsCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Show what is in the store",
		Args:  args(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return c.connected(cmd, runStats) },
	}
}

func runStats(s *session) error {
	stats, err := s.db.Stats(s.ctx, s.address())
	if err != nil {
		return err
	}
	fields := []field{
		num("events", stats.Events), num("streams", stats.Streams), num("bytes", stats.Bytes),
		num("head", stats.Head), when("head_time", stats.HeadTime),
		num("layers", stats.Layers), num("disk_bytes", stats.DiskBytes),
	}
	for _, f := range stats.Figures {
		fields = append(fields, num(f.Name, f.Value))
	}
	return s.print.object(fields...)
}
