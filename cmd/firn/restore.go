package main

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/firndb/firn/backup"
	"github.com/firndb/firn/internal/points"
	"github.com/firndb/firn/server"
)

type restoreOptions struct {
	to, name, at string
	dryRun       bool
}

func newRestoreCommand(c *console) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore DIR --to NEWDIR [--backup NAME] [--at POSITION|MOMENT]",
		Short: "Make a node's data directory out of a backup",
		Long: `Make a node's data directory out of a backup in DIR: the newest, or the one that
--backup names (firn backup DIR --list). Every file and every invariant of the
store is verified. It overwrites nothing: NEWDIR is empty, or does not exist, and
is there once all of it is durable.

The restored store begins a cluster of one node, and others join it:

  firn serve --id n1 --dir NEWDIR … --bootstrap n1=PEER-ADDRESS
  firn serve --id n2 --dir EMPTY … --join CLIENT-ADDRESS-OF-n1

It has a new history: consumers that keep positions outside of the store, as read
models do, are told so (other-history) instead of going on where events may be
missing. Consumer groups stand where they stood in the backup.

With --at, the store is restored as of a position (of the end of an append) or a
moment, which may be long before the first backup: out of the first backup that
holds all of it, whose later events, changes of streams' lives and definitions are
cut off. Consumer groups begin where they stood in the newest backup from before,
so that some events may be delivered again, and none is passed over; without one,
they stand where they stood in the backup that is cut.`,
		Example: `  firn restore /backups/shop --to /var/lib/firn/n1 --dry-run
  firn restore /backups/shop --to /var/lib/firn/n1 --backup 20260301T120000Z
  firn restore /backups/shop --to /var/lib/firn/n1 --at 2026-03-01T14:32:07Z`,
		Args: args("DIR"),
		RunE: func(cmd *cobra.Command, words []string) error {
			if o.to == "" {
				return usage("--to is missing: the data directory to make")
			}
			return c.local(cmd, func(s *session) error { return runRestore(s, words[0], &o) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "the data directory to make")
	f.StringVar(&o.name, "backup", "", "the backup to restore (default: the newest)")
	f.StringVar(&o.at, "at", "", "restore the store as of a position (120) or a moment (2026-03-01T14:32:07Z, 2h ago: 2h)")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and do nothing")
	return cmd
}

func runRestore(s *session, dir string, o *restoreOptions) error {
	place, err := backup.Open(vfs.Default, dir)
	if err != nil {
		return err
	}
	at, err := points.Parse("--at", o.at, false, s.now())
	if err != nil {
		return err
	}
	chosen := backup.Chosen{}
	if at.IsZero() {
		chosen.Cut, err = place.Find(o.name)
	} else {
		chosen, err = place.Choose(at, o.name)
	}
	if err != nil {
		return err
	}
	m := chosen.Cut
	if err := server.CheckRestore(o.to); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "restoring backup %s, taken %s from node %s: up to position %d, %s in %s, to %s\n",
		m.Name, when("", m.Taken).text, m.Node, m.Position, plural(uint64(m.Bytes()), "byte"), plural(uint64(len(m.Files)), "file"), o.to)
	if !at.IsZero() {
		groups := "where they stand in that backup, since there is none from before"
		if chosen.Before != nil {
			groups = "where they stood in backup " + chosen.Before.Name
		}
		fmt.Fprintf(s.err, "as of %v; consumer groups begin %s\n", at, groups)
	}
	if o.dryRun {
		return s.print.object(append([]field{boolean("dry_run", true)}, manifestFields(m)...)...)
	}
	var before func(dir string) error
	if chosen.Before != nil {
		before = func(dir string) error { return place.Link(s.ctx, chosen.Before, vfs.Default, dir) }
	}
	copying, verifying := s.progress("restore", func() {}), s.progress("verify", func() {})
	done, err := server.Restore(s.ctx, server.RestoreOptions{
		Dir: o.to,
		Fill: func(data string) error {
			return place.Copy(s.ctx, m, vfs.Default, data, func(done int64) { copying(uint64(done), uint64(m.Bytes())) })
		},
		At: at, Before: before,
		Progress: verifying,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "it begins a new history; start it with: firn serve --id n1 --dir %s --listen H:P --peer H:P --bootstrap n1=H:P (n1's peer address)\n", o.to)
	return s.print.object(
		str("dir", o.to), str("backup", m.Name), num("position", done.Position), num("events", done.Events), num("streams", done.Streams),
		str("cluster", done.Cluster.String()), str("history", done.History.String()), str("history_before", done.Before.String()),
	)
}
