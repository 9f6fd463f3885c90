package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
)

// newConsumerGroupCommand is firn group; newGroupCommand is for commands that
// only have subcommands, which it is one of.
func newConsumerGroupCommand(c *console) *cobra.Command {
	cmd := newGroupCommand("group", "See and change consumer groups")
	cmd.Long = `See and change consumer groups. A group is a subscription that consumers share
(firn consume); the cluster keeps how far it has come. In an ordered group, which
is the default, a stream's next event is delivered once the one before is
answered. An event that fails too often is parked, and holds up its stream only.`
	cmd.AddCommand(
		newGroupCreateCommand(c), newGroupUpdateCommand(c), newGroupDeleteCommand(c),
		newGroupListCommand(c), newGroupShowCommand(c),
		newParkedCommand(c), newReplayCommand(c), newDropCommand(c), newRewindCommand(c),
	)
	return cmd
}

func newGroupCreateCommand(c *console) *cobra.Command {
	var o groupFlags
	cmd := &cobra.Command{
		Use:   "create NAME [--all | --category C | --stream S]",
		Short: "Create a consumer group",
		Example: `  firn group create billing --category order --types OrderPlaced,OrderPaid
  firn group create mirror --all --from end --unordered --lease 2m`,
		Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error {
			g, err := o.group(c, words[0])
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error {
				at, err := s.db.CreateGroup(s.ctx, g)
				return s.groupChanged(g.Name, at, err)
			})
		},
	}
	o.addTarget(cmd.Flags())
	o.addSettings(cmd.Flags())
	return cmd
}

func newGroupUpdateCommand(c *console) *cobra.Command {
	var o groupFlags
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change settings of a consumer group",
		Long: `Change settings of a consumer group. What is not given stays as it is, and what
the group follows cannot change: create another one.`,
		Example:           `  firn group update billing --lease 2m --max-attempts 20`,
		Args:              args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			var given firn.Group
			if err := o.settings(&given); err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error {
				info, err := s.db.GroupInfo(s.ctx, words[0])
				if err != nil {
					return err
				}
				o.change(cmd.Flags(), &info.Group, &given)
				at, err := s.db.UpdateGroup(s.ctx, info.Group)
				return s.groupChanged(words[0], at, err)
			})
		},
	}
	o.addSettings(cmd.Flags())
	return cmd
}

func newGroupDeleteCommand(c *console) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "delete NAME",
		Short:             "Delete a consumer group, with what it has parked and how far it has come",
		Args:              args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			return c.connected(cmd, func(s *session) error {
				info, err := s.db.GroupInfo(s.ctx, words[0])
				if err != nil {
					return err
				}
				if err := s.confirm(yes, "The group "+words[0]+" goes, with "+plural(info.Parked, "parked event")+". Go on?"); err != nil {
					return err
				}
				at, err := s.db.DeleteGroup(s.ctx, words[0])
				return s.groupChanged(words[0], at, err)
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (s *session) groupChanged(name string, at firn.Position, err error) error {
	if err != nil {
		return err
	}
	return s.print.object(str("group", name), num("position", at))
}

func newGroupListCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the consumer groups and their settings", Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.connected(cmd, func(s *session) error {
				all, err := s.db.Groups(s.ctx)
				if err != nil {
					return err
				}
				for i := range all {
					if err := s.print.row(groupFields(&all[i])...); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func newGroupShowCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a consumer group: its settings, and where it stands", Args: args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			return c.connected(cmd, func(s *session) error {
				info, err := s.db.GroupInfo(s.ctx, words[0])
				if err != nil {
					return err
				}
				return s.print.object(groupInfoFields(&info)...)
			})
		},
	}
}

// completeGroups offers the names of groups to a shell, as completeStreams does
// those of streams.
func (c *console) completeGroups(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p := newPatience(cmd.Context(), completionPatience)
	defer p.stop()
	db, err := c.dial(p.ctx, c.addr)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer db.Close()
	all, _ := db.Groups(p.ctx)
	for i := range all {
		names = append(names, all[i].Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
