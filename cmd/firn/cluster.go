package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/server/wire"
)

func newClusterCommand(c *console) *cobra.Command {
	cmd := newGroupCommand("cluster", "See and change who is in the cluster")
	cmd.AddCommand(
		&cobra.Command{
			Use: "status", Short: "Show the nodes and the leader", Args: args(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.connected(cmd, runClusterStatus) },
		},
		&cobra.Command{
			Use: "add ID PEER-ADDRESS", Short: "Add a node: a learner first, a voter once it has caught up; a read replica where it was started as one", Args: args("ID", "PEER-ADDRESS"),
			RunE: func(cmd *cobra.Command, words []string) error {
				return c.connected(cmd, func(s *session) error {
					return s.changeMembers("added", words[0], s.db.AddNode(s.ctx, words[0], words[1]))
				})
			},
		},
		&cobra.Command{
			Use: "remove ID", Short: "Remove a node", Args: args("ID"),
			RunE: func(cmd *cobra.Command, words []string) error {
				return c.connected(cmd, func(s *session) error {
					return s.changeMembers("removed", words[0], s.db.RemoveNode(s.ctx, words[0]))
				})
			},
		},
		&cobra.Command{
			Use: "promote ID", Short: "Make a learner or a read replica a voter, at once", Args: args("ID"),
			RunE: func(cmd *cobra.Command, words []string) error {
				return c.connected(cmd, func(s *session) error {
					return s.changeMembers("promoted", words[0], s.db.PromoteNode(s.ctx, words[0]))
				})
			},
		},
		&cobra.Command{
			Use: "transfer [ID]", Short: "Hand leadership to a node, or to the one best suited", Args: args("[ID]"),
			RunE: func(cmd *cobra.Command, words []string) error {
				return c.connected(cmd, func(s *session) error {
					to := ""
					if len(words) > 0 {
						to = words[0]
					}
					return s.changeMembers("transferred", to, s.db.Transfer(s.ctx, to))
				})
			},
		},
		newClusterRecoverCommand(c),
	)
	return cmd
}

func (s *session) changeMembers(done, id string, err error) error {
	if err != nil {
		return err
	}
	if id == "" {
		return s.print.object(boolean(done, true))
	}
	return s.print.object(str("node", id), boolean(done, true))
}

func runClusterStatus(s *session) error {
	status, err := s.db.Status(s.ctx, s.address())
	if err != nil {
		return err
	}
	if s.print.format != "json" {
		return s.clusterTable(&status)
	}
	nodes := make([][]byte, len(status.Nodes))
	for i := range status.Nodes {
		nodes[i] = objectLine(nodeFields(&status.Nodes[i]))
	}
	var o jsonline.Object
	if status.Leader == "" {
		o.Null("leader")
	} else {
		o.String("leader", status.Leader)
	}
	o.Uint("term", status.Term)
	o.String("access", status.Access)
	o.Uint("cluster_version", status.Version)
	o.JSON("nodes", jsonline.List(nodes))
	return s.print.line(o.Bytes())
}

func (s *session) clusterTable(status *wire.ClusterStatus) error {
	leader := status.Leader
	if leader == "" {
		leader = "none"
	}
	fmt.Fprintf(s.print.w, "leader %s, term %d, access %s, cluster version %d\n", leader, status.Term, status.Access, status.Version)
	for i := range status.Nodes {
		if err := s.print.row(nodeFields(&status.Nodes[i])...); err != nil {
			return err
		}
	}
	return nil
}

func nodeFields(n *wire.NodeStatus) []field {
	return []field{
		str("id", n.ID), str("role", n.Role), boolean("up", n.Up),
		str("address", n.Address), str("peer", n.Peer), str("http", n.HTTP),
		num("applied", n.Applied), num("lag", n.Lag), str("version", n.Version), num("disk_free", n.DiskFree),
	}
}
