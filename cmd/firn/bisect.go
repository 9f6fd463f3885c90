package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
)

func newBisectCommand(c *console) *cobra.Command {
	var o pastFlags
	var q firn.BisectQuery
	cmd := newPastCommand(c, "bisect STREAM --where EXPR", "Find the first event after which a condition on the state holds", "STREAM")
	cmd.Long = `Find the first event after which a condition on the state holds: a jq expression,
where . is the state and $event the event that it is the state after.

It looks at both ends, then at states between them, and halves the stretch in which
the condition came to hold. Where it changes more than once among the states that
were looked at, an earlier event may have been the first, and the answer says so:
--scan looks at every event.`
	cmd.Example = `  firn bisect account-7 --where '.balance < 0'
  firn bisect order-42 --where '.items | length > 3' --scan`
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		if q.Where == "" {
			return usage("--where is missing: a jq expression, like '.balance < 0'")
		}
		var err error
		if q.StateQuery, err = o.query(c, words[0]); err != nil {
			return err
		}
		return c.connected(cmd, func(s *session) error { return runBisect(s, q) })
	}
	f := cmd.Flags()
	f.StringVar(&q.Where, "where", "", "the condition, a jq expression on the state")
	f.BoolVar(&q.Scan, "scan", false, "look at every event: slower, and exact")
	o.add(f)
	return cmd
}

func runBisect(s *session, q firn.BisectQuery) error {
	b, err := s.db.Bisect(s.ctx, q)
	if err != nil {
		return err
	}
	if err := s.notePast(q.At, &b.State); err != nil {
		return err
	}
	if note := bisectNote(&b); note != "" {
		if _, err := fmt.Fprintf(s.err, "firn: %s\n", note); err != nil {
			return err
		}
	}
	fields := append([]field{str("stream", q.Stream), str("fold", b.State.Fold), boolean("found", b.Found)}, causeFields(b.Event)...)
	fields = append(fields, boolean("at_start", b.AtStart), boolean("at_end", b.AtEnd), num("changes", b.Changes), boolean("exact", b.Exact), num("loads", b.Loads))
	return s.print.object(append(fields, s.print.indented("had", b.Had), s.print.indented("state", b.HasState))...)
}

// bisectNote says what whoever reads the answer may not expect.
func bisectNote(b *firn.Bisected) string {
	switch {
	case b.AtStart:
		return "the condition holds after the first event already"
	case b.Doubtful():
		return fmt.Sprintf("the condition changes more than once: %d times among the states that were looked at; --scan finds the first event for sure", b.Changes)
	case !b.Found && b.Exact:
		return "the condition holds after no event"
	case !b.Found:
		return "the condition does not hold at the end, nor at any state that was looked at; --scan looks at every one"
	case !b.AtEnd:
		return "the condition does not hold any more at the end"
	}
	return ""
}
