package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firndb/firn/server"
)

func newClusterRecoverCommand(c *console) *cobra.Command {
	var dir, id string
	var lost bool
	cmd := &cobra.Command{
		Use:   "recover --dir D --id n1 [--yes-i-lost-the-majority]",
		Short: "Go on with one node where the majority is lost for good",
		Long: `Make one node, which does not run, go on without the majority of its cluster: as
its only member, with everything that it has ever stored, and in a new history.

This is for clusters of which a majority will never come back. What those nodes had
acknowledged and this one had not received is lost. Of the nodes that are left, take
the one whose term, and then whose index, is highest: without
--yes-i-lost-the-majority the command says where this one stands, and changes
nothing. The others must not run again with their old directories; they and this
node refuse to talk with each other. Have them join it with empty directories.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || id == "" {
				return usage("--dir and --id are needed: the data directory and the name of a node that is stopped")
			}
			return c.local(cmd, func(s *session) error {
				if !lost {
					return runClusterRemains(s, dir, id)
				}
				return runClusterRecover(s, dir, id)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "the data directory of a stopped node")
	f.StringVar(&id, "id", "", "the node's name")
	f.BoolVar(&lost, "yes-i-lost-the-majority", false, "do it: the other nodes are gone for good, and what only they had is lost")
	return cmd
}

func runClusterRemains(s *session, dir, id string) error {
	r, err := server.LookAtRemains(dir, id)
	if err != nil {
		return err
	}
	if err := s.print.object(remainsFields(id, &r)...); err != nil {
		return err
	}
	return usage("nothing was changed. Node %s, one of the voters %s, holds everything up to index %d of term %d; what others have acknowledged behind that would be lost. Where the majority is lost for good, and no other node has more, say --yes-i-lost-the-majority",
		id, strings.Join(r.Voters, ", "), r.Index, r.Term)
}

func runClusterRecover(s *session, dir, id string) error {
	r, err := server.Recover(dir, id, slog.New(slog.NewTextHandler(s.err, nil)))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "start it as before (firn serve --id %s --dir %s …); have other nodes join it with empty directories\n", id, dir)
	return s.print.object(append(remainsFields(id, &r.Remains), str("history", r.History.String()), str("history_before", r.Before.String()))...)
}

func remainsFields(id string, r *server.Remains) []field {
	return []field{
		str("node", id), num("index", r.Index), num("term", r.Term), num("position", r.Position), when("time", r.Time),
		num("pending", uint64(r.Pending)), str("cluster", r.Cluster.String()),
	}
}
