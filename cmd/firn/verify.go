package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/server/wire"
)

func newVerifyCommand(c *console) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "verify [--dir D | --addr H:P]",
		Short: "Check every invariant of a node's data",
		Long: `Check every invariant of a node's data: of a running one with --addr, of a
stopped one with --dir. Exit status 7 where something is damaged.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return c.connected(cmd, func(s *session) error {
					report, err := s.db.Verify(s.ctx, s.address(), s.progress("verify", s.patience.moved))
					return s.report(report, err)
				})
			}
			if cmd.Flags().Changed("addr") {
				return usage("both --dir and --addr are given; a node is either stopped or running")
			}
			return c.local(cmd, func(s *session) error {
				report, err := c.launch.VerifyDir(s.ctx, dir, s.progress("verify", func() {}))
				return s.report(report, err)
			})
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the data directory of a stopped node")
	return cmd
}

func (s *session) report(r wire.Report, err error) error {
	if err != nil {
		return err
	}
	faults := make([][]byte, len(r.Faults))
	texts := make([]string, len(r.Faults))
	for i, f := range r.Faults {
		faults[i] = objectLine([]field{
			num("invariant", f.Invariant), str("key", fmt.Sprintf("%x", f.Key)), str("stream", f.Stream),
			num("position", f.Position), str("text", f.Text),
		})
		texts[i] = fmt.Sprintf("invariant %d: %s", f.Invariant, f.Text)
	}
	list := field{"faults", strings.Join(append([]string{fmt.Sprint(len(r.Faults))}, texts...), "\n  "), jsonline.List(faults)}
	err = s.print.object(
		boolean("ok", len(r.Faults) == 0), num("events", r.Events), num("streams", r.Streams), num("layers", r.Layers),
		num("chain_index", r.ChainIndex), str("chain_hash", fmt.Sprintf("%016x", r.ChainHash)), list,
	)
	if err == nil && len(r.Faults) > 0 {
		err = firn.Errorf(firn.ErrDamaged, "%s; the first: %s. Keep this directory, and set the node up anew from the others",
			plural(uint64(len(r.Faults)), "fault"), texts[0])
	}
	return err
}
