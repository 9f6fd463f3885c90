package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/backup"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/server/wire"
)

type backupOptions struct {
	list, verify, local bool
	rate                byteSize
	keep                int
}

func newBackupCommand(c *console) *cobra.Command {
	o := backupOptions{rate: 64 << 20}
	cmd := &cobra.Command{
		Use:   "backup DIR [--list | --verify]",
		Short: "Back a running store up to a directory, or look at the backups there",
		Long: `Back a running store up: everything that was acknowledged before, consistent at
one position, from one node (--addr names it; else one that does not lead is
chosen), over its client port.

DIR holds any number of backups of one cluster, and each file of theirs once: a
further backup copies only files that none before it has brought. What is copied
is verified, and the backup is opened as a store once, before it counts. One that
is cut off leaves nothing broken: take it again, and what had come whole is not
copied again.

With --list, prints the backups of DIR, the oldest first. With --verify, reads all
of their files again; exit status 7 where something is damaged.`,
		Example: `  firn backup /backups/shop
  firn backup /backups/shop --addr 10.0.0.2:7400 --keep 30
  firn backup /backups/shop --verify`,
		Args: args("DIR"),
		RunE: func(cmd *cobra.Command, words []string) error {
			f := cmd.Flags()
			takes := f.Changed("rate") || f.Changed("keep") || f.Changed("local") || f.Changed("addr")
			switch {
			case o.list && o.verify || takes && (o.list || o.verify):
				return usage("--list and --verify look at what is in %s, without a node, and go with no other flag", words[0])
			case f.Changed("keep") && o.keep < 1:
				return usage("--keep %d; keep at least 1", o.keep)
			case o.list:
				return c.local(cmd, func(s *session) error { return runBackupList(s, words[0]) })
			case o.verify:
				return c.local(cmd, func(s *session) error { return runBackupVerify(s, words[0]) })
			}
			return c.connected(cmd, func(s *session) error { return runBackup(s, words[0], &o) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.list, "list", false, "print the backups that DIR holds")
	f.BoolVar(&o.verify, "verify", false, "verify the backups that DIR holds")
	f.BoolVar(&o.local, "local", false, "of what the node has applied, without asking the leader: when there is none")
	f.Var(&o.rate, "rate", "bytes a second that the node reads from its disk at most, 0 for no limit")
	f.IntVar(&o.keep, "keep", 0, "then remove all backups but so many of the newest (default: none)")
	return cmd
}

func runBackup(s *session, dir string, o *backupOptions) (err error) {
	place, err := backup.Create(vfs.Default, dir)
	if err != nil {
		return err
	}
	taking, err := place.Take()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, taking.Close()) }()
	ask := client.BackupOptions{Rate: uint64(o.rate), Local: o.local}
	for sum, size := range taking.Held() {
		ask.Held = append(ask.Held, wire.HeldFile{Bytes: uint64(size), Sum: sum})
	}
	var m *backup.Manifest
	began := s.now()
	err = s.db.Backup(s.ctx, s.address(), ask, func(node client.Node, bytes uint64, image io.Reader) (err error) {
		show := s.progress("backup", s.patience.moved)
		from := backup.Source{Node: node.ID, Release: node.Release, Taken: began}
		m, err = taking.Receive(s.ctx, lively{image, s.patience.moved}, from, func(done int64) { show(uint64(done), bytes) })
		return err
	})
	if err != nil {
		return err
	}
	fields := append(manifestFields(m), num("copied", uint64(taking.Copied)), num("shared", uint64(taking.Shared)))
	if o.keep > 0 {
		gone, err := taking.Keep(o.keep)
		if err != nil {
			return err
		}
		names := make([][]byte, len(gone))
		for i, name := range gone {
			names[i] = jsonline.AppendString(nil, name)
		}
		fields = append(fields, field{"removed", strings.Join(gone, " "), jsonline.List(names)})
	}
	return s.print.object(fields...)
}

// lively is a reader whose reads are signs of life.
type lively struct {
	io.Reader
	moved func()
}

func (m lively) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.moved()
	return n, err
}

func manifestFields(m *backup.Manifest) []field {
	return []field{
		str("backup", m.Name), when("taken", m.Taken.Truncate(time.Microsecond)), num("position", m.Position), when("time", m.Time),
		str("node", m.Node), str("cluster", m.Cluster.String()), str("history", m.History.String()),
		num("index", m.Index), str("chain_hash", fmt.Sprintf("%016x", m.Chain)), str("release", m.Release),
		num("files", len(m.Files)), num("bytes", uint64(m.Bytes())),
	}
}

func runBackupList(s *session, dir string) error {
	place, err := backup.Open(vfs.Default, dir)
	if err != nil {
		return err
	}
	list, err := place.List()
	if err != nil {
		return err
	}
	var bad error
	for i := range list {
		if list[i].Err != nil {
			bad = list[i].Err
			fmt.Fprintf(s.err, "firn: %v\n", bad)
			continue
		}
		if err := s.print.row(manifestFields(&list[i].Manifest)...); err != nil {
			return err
		}
	}
	if bad != nil {
		return firn.Errorf(firn.ErrDamaged, "a manifest in %s cannot be read", dir)
	}
	return nil
}

func runBackupVerify(s *session, dir string) error {
	place, err := backup.Open(vfs.Default, dir)
	if err != nil {
		return err
	}
	show := s.progress("verify", func() {})
	list, faults, err := place.Verify(s.ctx, func(done, total int64) { show(uint64(done), uint64(total)) })
	if err != nil {
		return err
	}
	texts := make([][]byte, len(faults))
	for i, text := range faults {
		texts[i] = jsonline.AppendString(nil, text)
	}
	all := field{"faults", strings.Join(append([]string{fmt.Sprint(len(faults))}, faults...), "\n  "), jsonline.List(texts)}
	err = s.print.object(boolean("ok", len(faults) == 0), num("backups", len(list)), all)
	if err == nil && len(faults) > 0 {
		err = firn.Errorf(firn.ErrDamaged, "%s in %s; the first: %s", plural(uint64(len(faults)), "fault"), dir, faults[0])
	}
	return err
}
