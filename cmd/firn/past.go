package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
	"github.com/firndb/firn/snapshot/history"
)

// pastFlags say which state of a stream is meant.
type pastFlags struct {
	consistencyFlags
	fold, at string
}

func (o *pastFlags) add(f *pflag.FlagSet) {
	o.addFold(f)
	f.StringVar(&o.at, "at", "", "as of this point in time (default: now)")
	o.consistencyFlags.add(f)
}

func (o *pastFlags) addFold(f *pflag.FlagSet) {
	f.StringVar(&o.fold, "fold", "", "how events become state: merge, or a fold that was created (default: the one of the stream's category, else merge)")
}

// query turns the flags into a query about a stream.
func (o *pastFlags) query(c *console, stream string) (firn.StateQuery, error) {
	q := firn.StateQuery{Stream: stream, Fold: o.fold, Consistency: o.consistency()}
	var err error
	if q.At, err = points.Parse("--at", o.at, true, c.now()); err != nil {
		return q, err
	}
	return q, q.Check()
}

// notePast says on stderr what there is to know of the past that was looked at:
// which position a moment was, and what a reader might not expect.
func (s *session) notePast(at firn.Point, state *firn.StreamState) error {
	var notes []string
	if at.Kind() == firn.PointMoment && (state.Open || s.print.format != "json") {
		note := fmt.Sprintf("as of %s, position %d", at, state.Past)
		if state.Open {
			note += "; later events could still fall into this moment"
		}
		notes = append(notes, note)
	}
	if at.Kind() == firn.PointRevision && !state.Empty && at.Revision() > state.Revision {
		notes = append(notes, fmt.Sprintf("revision %d is yet to come; this is revision %d", at.Revision(), state.Revision))
	}
	if state.Partial {
		notes = append(notes, fmt.Sprintf("the beginning of %q is hidden, by a truncation or a limit, and is not in its state", state.Stream))
	}
	for _, note := range notes {
		if _, err := fmt.Fprintf(s.err, "firn: %s\n", note); err != nil {
			return err
		}
	}
	return nil
}

// placeFields say where in its stream a state is, null for one without an event.
func placeFields(state *firn.StreamState) []field {
	fields := []field{str("stream", state.Stream), raw("revision", []byte("null")), raw("position", []byte("null")), when("time", state.Time)}
	if !state.Empty {
		fields[1] = num("revision", state.Revision)
	}
	if state.Position > 0 {
		fields[2] = num("position", state.Position)
	}
	return append(fields, str("fold", state.Fold))
}

// indented is a state: on a terminal over several lines, "-" where there is none.
func (p *printer) indented(name string, state []byte) field {
	if state == nil {
		return field{name, "-", []byte("null")}
	}
	f := raw(name, state)
	if p.format == "table" {
		var b bytes.Buffer
		if json.Indent(&b, []byte(history.Clean(string(state))), "", "  ") == nil {
			f.text = b.String()
		}
	}
	return f
}

// newPastCommand returns a command about the past of one stream.
func newPastCommand(c *console, use, short string, words ...string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args(words...), ValidArgsFunction: c.completeStreams}
}
