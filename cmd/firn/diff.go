package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
	"github.com/firndb/firn/snapshot/history"
)

func newDiffCommand(c *console) *cobra.Command {
	var o pastFlags
	cmd := newPastCommand(c, "diff STREAM A B", "Show what changed in a stream's state between two points in time", "STREAM", "A", "B")
	cmd.Long = `Show what changed in the state of a stream between two points in time: + came,
- went, ~ was changed. With -o json, or when piped, it is a JSON Patch (RFC 6902)
that turns the state at A into the state at B.`
	cmd.Example = `  firn diff order-42 3 5
  firn diff order-42 2026-03-01 end
  firn diff order-42 start end -o json`
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		q := firn.DiffQuery{Stream: words[0], Fold: o.fold, Consistency: o.consistency()}
		var err error
		if q.From, err = points.Parse("A", words[1], true, c.now()); err != nil {
			return err
		}
		if q.To, err = points.Parse("B", words[2], true, c.now()); err != nil {
			return err
		}
		return c.connected(cmd, func(s *session) error { return runDiff(s, q) })
	}
	f := cmd.Flags()
	o.addFold(f)
	o.consistencyFlags.add(f)
	return cmd
}

func runDiff(s *session, q firn.DiffQuery) error {
	diff, err := s.db.Diff(s.ctx, q)
	if err != nil {
		return err
	}
	if err := s.notePast(q.From, &diff.From); err != nil {
		return err
	}
	if err := s.notePast(q.To, &diff.To); err != nil {
		return err
	}
	patch := history.Patch(diff.Patch)
	if s.print.format == "json" {
		return s.print.line(patch.JSON())
	}
	if s.print.format == "table" {
		fmt.Fprintf(s.print.w, "%s, fold %s: from %s to %s\n", q.Stream, diff.To.Fold, placed(&diff.From), placed(&diff.To))
		if len(patch) == 0 {
			fmt.Fprintln(s.print.w, "nothing has changed")
		}
	}
	s.print.patch("", patch)
	return nil
}

// placed says where a state is.
func placed(s *firn.StreamState) string {
	if s.Empty {
		return "the start"
	}
	return fmt.Sprintf("revision %d", s.Revision)
}

// The colours of changes on a terminal.
var colours = map[byte]string{'+': "\x1b[32m", '-': "\x1b[31m", '~': "\x1b[33m"}

// patch prints what changed, a line each, indented. A bufio.Writer keeps its
// first error.
func (p *printer) patch(indent string, patch history.Patch) {
	for _, line := range patch.Lines() {
		if p.colour {
			line = colours[line[0]] + line + "\x1b[0m"
		}
		fmt.Fprintf(p.w, "%s%s\n", indent, line)
	}
}
