package main

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/firndb/firn/backup"
	"github.com/firndb/firn/server"
)

type restoreOptions struct {
	to, name string
	dryRun   bool
}

func newRestoreCommand(c *console) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore DIR --to NEWDIR [--backup NAME]",
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
missing. Consumer groups stand where they stood in the backup.`,
		Example: `  firn restore /backups/shop --to /var/lib/firn/n1 --dry-run
  firn restore /backups/shop --to /var/lib/firn/n1 --backup 20260301T120000Z`,
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
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and do nothing")
	return cmd
}

func runRestore(s *session, dir string, o *restoreOptions) error {
	place, err := backup.Open(vfs.Default, dir)
	if err != nil {
		return err
	}
	m, err := place.Find(o.name)
	if err != nil {
		return err
	}
	if err := server.CheckRestore(o.to); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "restoring backup %s, taken %s from node %s: up to position %d, %s in %s, to %s\n",
		m.Name, when("", m.Taken).text, m.Node, m.Position, plural(uint64(m.Bytes()), "byte"), plural(uint64(len(m.Files)), "file"), o.to)
	if o.dryRun {
		return s.print.object(append([]field{boolean("dry_run", true)}, manifestFields(m)...)...)
	}
	copying, verifying := s.progress("restore", func() {}), s.progress("verify", func() {})
	done, err := server.Restore(s.ctx, server.RestoreOptions{
		Dir: o.to,
		Fill: func(data string) error {
			return place.Copy(s.ctx, m, vfs.Default, data, func(done int64) { copying(uint64(done), uint64(m.Bytes())) })
		},
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
