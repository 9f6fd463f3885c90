package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firndb/firn"
)

func newParkedCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:               "parked NAME",
		Short:             "List the events that a group has set aside, and why",
		Args:              args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			return c.connected(cmd, func(s *session) error {
				return each(s.patience, s.db.Parked(s.ctx, words[0]), func(e *firn.ParkedEvent) error {
					return s.print.row(
						str("stream", e.Stream), num("revision", e.Revision), num("position", e.Position), str("id", e.ID.String()), str("type", e.Type),
						num("attempts", e.Attempts), str("reason", e.Reason), when("time", e.Time), num("behind", e.Behind),
					)
				})
			})
		},
	}
}

// parkedFlags select parked events.
type parkedFlags struct {
	stream, id string
	all        bool
}

func (o *parkedFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.stream, "stream", "", "those of this stream")
	f.StringVar(&o.id, "id", "", "the event with this id")
	f.BoolVar(&o.all, "all", false, "all of the group")
}

func (o *parkedFlags) selection() (which firn.ParkedSelection, err error) {
	given := 0
	for _, set := range []bool{o.stream != "", o.id != "", o.all} {
		if set {
			given++
		}
	}
	if given != 1 {
		return which, usage("%d selections are given; give exactly one of --stream S, --id UUID, --all", given)
	}
	which = firn.ParkedSelection{Stream: o.stream, All: o.all}
	if o.id != "" {
		if which.ID, err = firn.ParseID(o.id); err == nil && which.ID.IsZero() {
			err = usage("--id %s: the zero UUID names no event", o.id)
		}
		if err != nil {
			return which, usage("--id %v", err)
		}
	}
	return which, nil
}

func newReplayCommand(c *console) *cobra.Command {
	var o parkedFlags
	cmd := &cobra.Command{
		Use:               "replay NAME [--stream S | --id UUID | --all]",
		Short:             "Deliver parked events again, then those behind them, in order",
		Args:              args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			which, err := o.selection()
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error {
				n, err := s.db.Replay(s.ctx, words[0], which)
				if err != nil {
					return err
				}
				return s.print.object(str("group", words[0]), num("replayed", n))
			})
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func newDropCommand(c *console) *cobra.Command {
	var o parkedFlags
	var yes bool
	cmd := &cobra.Command{
		Use:               "drop NAME [--stream S | --id UUID | --all]",
		Short:             "Give parked events up, and go on with those behind them",
		Args:              args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			which, err := o.selection()
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error {
				if s.terminalIn && !yes {
					n := uint64(0)
					err := each(s.patience, s.db.Parked(s.ctx, words[0]), func(e *firn.ParkedEvent) error {
						if which.All || e.Stream == which.Stream || e.ID == which.ID {
							n++
						}
						return nil
					})
					if err == nil {
						err = s.confirm(yes, plural(n, "parked event")+" of the group "+words[0]+" will not be handled. Go on?")
					}
					if err != nil {
						return err
					}
				}
				n, err := s.db.Drop(s.ctx, words[0], which)
				if err != nil {
					return err
				}
				return s.print.object(str("group", words[0]), num("dropped", n))
			})
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
