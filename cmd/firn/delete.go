package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
)

type deleteOptions struct {
	stream    string
	expect    string
	tombstone bool
	yes       bool
}

func newDeleteCommand(c *console) *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete STREAM",
		Short: "Delete a stream, or take its name out of use for good",
		Long: `Delete a stream. It then reads as deleted; appending begins it again, and its
revisions go on. With --tombstone its events and its name are gone for good.`,
		Args:              args("STREAM"),
		ValidArgsFunction: c.completeStreams,
		RunE: func(cmd *cobra.Command, words []string) error {
			o.stream = words[0]
			return c.connected(cmd, func(s *session) error { return runDelete(s, o) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.tombstone, "tombstone", false, "for good: the name can never be used again")
	f.StringVar(&o.expect, "expect", "any", "what must be true of the stream: any, exists or its last revision")
	f.BoolVar(&o.yes, "yes", false, "do not ask before --tombstone")
	return cmd
}

func runDelete(s *session, o deleteOptions) error {
	expect, err := firn.ParseExpectation(o.expect)
	if err != nil {
		return err
	}
	info, err := s.db.Stream(s.ctx, o.stream, firn.Point{})
	if err != nil {
		return err
	}
	life, name := firn.Life(firn.Delete{}), "deleted"
	if o.tombstone {
		life, name = firn.Tombstone{}, "tombstoned"
		question := fmt.Sprintf("%s of %q go for good, and so does the name. Go on?", plural(info.Events, "event"), o.stream)
		if err := s.confirm(o.yes, question); err != nil {
			return err
		}
	}
	at, err := s.db.Change(s.ctx, o.stream, expect, life)
	if err != nil {
		return err
	}
	return s.print.object(str("stream", o.stream), str("life", name), num("events", info.Events), num("position", at))
}
