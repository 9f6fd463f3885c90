package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

type appendOptions struct {
	stream         string
	typ            string
	data, metadata string
	expect         string
	id             string
	schema         uint32
	correlation    string
	causation      string
	actor          string
	stdin, each    bool
}

func newAppendCommand(c *console) *cobra.Command {
	var o appendOptions
	cmd := &cobra.Command{
		Use:   "append [STREAM] --type T [--data JSON]",
		Short: "Append events",
		Long: `Append one event, or with --stdin those of many lines, each a JSON object:

  {"stream"?, "type"?, "data", "metadata"?, "id"?, "schema"?, "expect"?,
   "correlation_id"?, "causation_id"?}

STREAM and the flags are what a line does not say. All lines are one atomic
append; "check":true makes a line a condition without an event. With --each,
every line is an append of its own.`,
		Example: `  firn append order-42 --type OrderPlaced --data '{"total":100.10}' --expect none
  firn append --stdin < events.ndjson`,
		Args:              args("[STREAM]"),
		ValidArgsFunction: c.completeStreams,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				o.stream = words[0]
			}
			if o.each && !o.stdin {
				return usage("--each is for --stdin")
			}
			defaults, err := o.line(cmd.Flags().Changed("expect"))
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error {
				if o.stdin {
					return runAppendLines(s, defaults, o.each)
				}
				return runAppend(s, defaults)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.typ, "type", "", "the event's type")
	f.StringVar(&o.data, "data", "", "the event's data, as JSON")
	f.StringVar(&o.metadata, "metadata", "", "the event's metadata, as JSON")
	f.StringVar(&o.expect, "expect", "any", "what must be true of the stream: any, none, exists or its last revision")
	f.StringVar(&o.id, "id", "", "the event's id, a UUID (default: a new one); the same id again appends nothing")
	f.Uint32Var(&o.schema, "schema", 0, "version of the type's shape")
	f.StringVar(&o.correlation, "correlation", "", "the conversation that the event belongs to")
	f.StringVar(&o.causation, "causation", "", "the id of the event or command that caused it")
	c.actorFlag(f, &o.actor)
	f.BoolVar(&o.stdin, "stdin", false, "read events as JSON lines from standard input")
	f.BoolVar(&o.each, "each", false, "with --stdin: each line is an append of its own")
	return cmd
}

// line checks the flags and returns them as a line of --stdin would say it.
func (o *appendOptions) line(expectGiven bool) (l appendLine, err error) {
	l.write.Stream = o.stream
	l.draft = firn.Draft{Type: o.typ, Schema: o.schema, Data: []byte(o.data), Metadata: []byte(o.metadata), CorrelationID: o.correlation, CausationID: o.causation}
	if l.write.Expect, err = firn.ParseExpectation(o.expect); err != nil {
		return l, usage("--expect: %v", err)
	}
	l.expectGiven, l.actor = expectGiven, o.actor
	if o.id != "" {
		if l.draft.ID, err = firn.ParseID(o.id); err != nil {
			return l, usage("--id %v", err)
		}
	}
	for _, given := range []struct{ flag, text string }{{"--data", o.data}, {"--metadata", o.metadata}} {
		if given.text != "" && !jsonline.Valid([]byte(given.text)) {
			return l, usage("%s %.64q is not JSON; a JSON string needs its quotes inside the shell's: '\"text\"'", given.flag, given.text)
		}
	}
	if !o.stdin {
		if o.stream == "" {
			return l, usage("STREAM is missing; usage: firn append STREAM --type T [--data JSON]")
		}
		if o.typ == "" {
			return l, usage("--type is missing: the event's type")
		}
	} else if o.id != "" {
		return l, usage("--id names one event; with --stdin put the id into the line")
	}
	return l, nil
}

func runAppend(s *session, l appendLine) error {
	if l.draft.ID.IsZero() {
		l.draft.ID = firn.NewID() // made here, so that an unknown outcome can be repeated
	}
	l.draft.SetActor(l.actor)
	done, err := s.db.Append(s.ctx, firn.To(l.write.Stream, l.write.Expect, l.draft))
	if err != nil {
		return unknownOutcome(err, []firn.ID{l.draft.ID}, func() string { return l.command() })
	}
	return s.print.appended(&done)
}

// command is the command line that appends the same again.
func (l *appendLine) command() string {
	words := []string{"append", l.write.Stream, "--type", l.draft.Type}
	if len(l.draft.Data) > 0 {
		words = append(words, "--data", string(l.draft.Data))
	}
	if len(l.draft.Metadata) > 0 {
		words = append(words, "--metadata", string(l.draft.Metadata))
	}
	if l.draft.Schema != 0 {
		words = append(words, "--schema", strconv.FormatUint(uint64(l.draft.Schema), 10))
	}
	if l.draft.CorrelationID != "" {
		words = append(words, "--correlation", l.draft.CorrelationID)
	}
	if l.draft.CausationID != "" {
		words = append(words, "--causation", l.draft.CausationID)
	}
	words = append(words, "--expect", l.write.Expect.String(), "--id", l.draft.ID.String())
	return commandLine(words)
}

// unknownOutcome makes of an append's error what the user needs next.
func unknownOutcome(err error, ids []firn.ID, repeat func() string) error {
	if !errors.Is(err, firn.ErrUnknown) {
		return conflicting(err)
	}
	e := firn.Errorf(firn.ErrUnknown, "%s (%s)", err, someIDs(ids))
	e.IDs = ids
	return &failure{err: e, repeat: repeat()}
}

// someIDs names ids in a sentence. Thousands would hide the rest of it; those
// left out are in the error's JSON, and in the lines to repeat.
func someIDs(ids []firn.ID) string {
	const most = 4
	if len(ids) <= most {
		return "ids " + strings.Join(eventjson.IDs(ids), ", ")
	}
	return fmt.Sprintf("ids %s and %d more", strings.Join(eventjson.IDs(ids[:most]), ", "), len(ids)-most)
}

// isCut reports whether a call ended because its time did, and did nothing.
func isCut(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// commandLine writes words as a shell takes them.
func commandLine(words []string) string {
	line := "firn"
	for _, w := range words {
		line += " " + shellQuote(w)
	}
	return line
}

// shellQuote writes a word so that a POSIX shell reads it back.
func shellQuote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:@,") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// appended prints what an append wrote.
func (p *printer) appended(done *firn.Appended) error {
	if p.format == "json" {
		p.line(eventjson.Appended(done))
		return p.w.Flush()
	}
	show := p.row
	if len(done.Writes) == 1 {
		show = p.object
	}
	for i := range done.Writes {
		if err := show(writtenFields(&done.Writes[i], done)...); err != nil {
			return err
		}
	}
	return nil
}

func writtenFields(w *firn.Written, done *firn.Appended) []field {
	return []field{
		str("stream", w.Stream),
		num("first_revision", w.FirstRevision), num("last_revision", w.LastRevision),
		num("first_position", w.FirstPosition), num("last_position", w.LastPosition),
		when("time", done.Time),
		str("ids", strings.Join(eventjson.IDs(w.IDs), " ")),
		boolean("repeated", done.Repeated),
	}
}
