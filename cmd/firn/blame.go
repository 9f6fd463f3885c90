package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot/history"
)

func newBlameCommand(c *console) *cobra.Command {
	var o pastFlags
	cmd := newPastCommand(c, "blame STREAM [PATH]", "Show which event gave each field of a stream's state its value", "STREAM", "[PATH]")
	cmd.Long = `Show for each field of a stream's state which event changed it last, when, and who
caused it. An event that writes the same value again has not changed it. PATH is a
JSON Pointer (RFC 6901): only that field, or those in it.`
	cmd.Example = `  firn blame order-42
  firn blame order-42 /customer --at 2026-03-01`
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		q := firn.BlameQuery{}
		if len(words) > 1 {
			q.Path = words[1]
		}
		var err error
		if q.StateQuery, err = o.query(c, words[0]); err != nil {
			return err
		}
		return c.connected(cmd, func(s *session) error { return runBlame(s, q) })
	}
	o.add(cmd.Flags())
	return cmd
}

func runBlame(s *session, q firn.BlameQuery) error {
	blame, err := s.db.Blame(s.ctx, q)
	if err != nil {
		return err
	}
	if err := s.notePast(q.At, &blame.State); err != nil {
		return err
	}
	for i := range blame.Fields {
		f := &blame.Fields[i]
		value := raw("value", f.Value)
		value.text = history.Shown(f.Value)
		path := str("path", f.Path)
		path.text = history.Clean(f.Path)
		if err := s.print.row(append([]field{path, value}, causeFields(f.Event)...)...); err != nil {
			return err
		}
	}
	return nil
}

// causeFields say of an event when it was, what, and by whom; null where there is
// none.
func causeFields(e *firn.EventInfo) []field {
	none := func(name string) field { return field{name, "-", []byte("null")} }
	if e == nil {
		return []field{none("revision"), none("position"), none("time"), none("type"), none("actor"), none("id")}
	}
	typ, actor := str("type", e.Type), none("actor")
	typ.text = history.Clean(e.Type)
	if e.Actor != "" {
		actor = str("actor", e.Actor)
		actor.text = history.Clean(e.Actor)
	}
	return []field{num("revision", e.Revision), num("position", e.Position), when("time", e.Time), typ, actor, str("id", e.ID.String())}
}
