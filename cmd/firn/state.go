package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
)

func newStateCommand(c *console) *cobra.Command {
	var o pastFlags
	var occurred bool
	cmd := newPastCommand(c, "state STREAM", "Show the state of a stream, now or in the past", "STREAM")
	cmd.Long = `Show the state of a stream, now or as of any point in time: what a fold makes of
its events. Folds and upcasters are those of today, whatever past is asked for.

With --occurred a moment is not when events were recorded, but when they occurred:
for a history that was imported. The state is that at the last event of the stream
that had occurred by then.`
	cmd.Example = `  firn state order-42
  firn state order-42 --at 2026-03-01
  firn state order-42 --at 5 --fold merge`
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		q, err := o.query(c, words[0])
		if err != nil {
			return err
		}
		return c.connected(cmd, func(s *session) error { return runState(s, q, occurred) })
	}
	o.add(cmd.Flags())
	cmd.Flags().BoolVar(&occurred, "occurred", false, "--at is a moment at which events occurred, not one at which they were recorded")
	return cmd
}

func runState(s *session, q firn.StateQuery, occurred bool) error {
	if occurred {
		if err := s.byOccurrence(&q); err != nil {
			return err
		}
	}
	state, err := s.db.State(s.ctx, q)
	if err != nil {
		return err
	}
	if err := s.notePast(q.At, &state); err != nil {
		return err
	}
	return s.print.object(append(placeFields(&state), s.print.indented("state", state.State))...)
}
