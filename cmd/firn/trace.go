package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

func newTraceCommand(c *console) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "trace ID",
		Short: "Show what caused an event, and what it led to",
		Long: `Show the tree of causes and effects of an event, from the first cause on, or
of all events with a correlation id.

An event's cause is the event whose id is its causation id.`,
		Example: `  firn trace 01890a5d-ac96-774b-bcce-b302099a8057
  firn trace "order 42"`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, words []string) error {
			if limit < 1 {
				return usage("--limit %d; give at least 1", limit)
			}
			return c.connected(cmd, func(s *session) error { return runTrace(s, words[0], limit) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 1000, "at most so many events")
	return cmd
}

// tracer walks through causes and effects.
type tracer struct {
	*session
	left int                    // events that may still be shown
	seen map[firn.Position]bool // also against events that cause each other
}

func runTrace(s *session, id string, limit int) error {
	t := &tracer{s, limit, map[firn.Position]bool{}}
	if eventID, err := firn.ParseID(id); err == nil && !eventID.IsZero() {
		found, err := t.find(firn.Query{ID: eventID})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return t.events(found, eventID)
		}
	}
	if len(id) > firn.TraceBytesMax {
		return usage("the id has %d bytes; correlation ids have at most %d", len(id), firn.TraceBytesMax)
	}
	found, err := t.find(firn.Query{Correlation: id})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return firn.Errorf(firn.ErrNotFound, "no event has the id or the correlation id %q", id)
	}
	return t.conversation(found)
}

// find reads the few events that carry an id.
func (t *tracer) find(q firn.Query) (found []firn.Event, err error) {
	q.Limit = uint64(t.left) + 1
	err = each(t.patience, t.db.Read(t.ctx, q), func(e *firn.Event) error {
		found = append(found, *e)
		return nil
	})
	return found, err
}

// events shows the trees that the events are in, each from its first cause on.
func (t *tracer) events(found []firn.Event, asked firn.ID) error {
	for _, e := range found {
		first, err := t.firstCause(e)
		if err != nil {
			return err
		}
		if t.seen[first.Position] {
			continue // of the tree before
		}
		effects := func(e *firn.Event) ([]firn.Event, error) { return t.find(firn.Query{Causation: e.ID.String()}) }
		if err := t.tree(&first, nil, asked, effects); err != nil {
			return err
		}
	}
	return t.ended()
}

// firstCause goes back from cause to cause.
func (t *tracer) firstCause(e firn.Event) (firn.Event, error) {
	for climbed := map[firn.Position]bool{}; !climbed[e.Position]; {
		climbed[e.Position] = true
		id, err := firn.ParseID(e.CausationID)
		if err != nil || id.IsZero() {
			break // a command, say, which is no event
		}
		causes, err := t.find(firn.Query{ID: id})
		if err != nil {
			return e, err
		}
		if len(causes) == 0 {
			break
		}
		e = causes[0]
	}
	return e, nil
}

// conversation shows the events of a correlation, each below its cause where
// that is among them.
func (t *tracer) conversation(found []firn.Event) error {
	among := map[string]bool{}
	for i := range found {
		among[found[i].ID.String()] = true
	}
	effects := func(e *firn.Event) (of []firn.Event, _ error) {
		for i := range found {
			if found[i].CausationID == e.ID.String() {
				of = append(of, found[i])
			}
		}
		return of, nil
	}
	for _, rooted := range []bool{true, false} { // then what is left: events that cause each other
		for i := range found {
			if rooted == among[found[i].CausationID] || t.seen[found[i].Position] {
				continue
			}
			if err := t.tree(&found[i], nil, firn.ID{}, effects); err != nil {
				return err
			}
		}
	}
	return t.ended()
}

// ended says where not all was shown.
func (t *tracer) ended() error {
	if t.left > 0 {
		return nil
	}
	_, err := fmt.Fprintln(t.err, "firn: not more events are shown; --limit N shows more")
	return err
}

// tree shows an event and all below it. branch has, for each event above it,
// whether that is the last of its cause.
func (t *tracer) tree(e *firn.Event, branch []bool, asked firn.ID, effects func(*firn.Event) ([]firn.Event, error)) error {
	if t.left == 0 || t.seen[e.Position] {
		return nil
	}
	t.left--
	t.seen[e.Position] = true
	if err := t.print.traced(e, branch, e.ID == asked); err != nil {
		return err
	}
	below, err := effects(e)
	if err != nil {
		return err
	}
	for i := range below {
		if err := t.tree(&below[i], append(branch[:len(branch):len(branch)], i == len(below)-1), asked, effects); err != nil {
			return err
		}
	}
	return nil
}

// traced prints one event of a tree.
func (p *printer) traced(e *firn.Event, branch []bool, asked bool) error {
	if p.format == "json" {
		var event, o jsonline.Object
		eventjson.Event(&event, e)
		o.Uint("depth", uint64(len(branch)))
		o.Bool("asked", asked)
		o.JSON("event", event.Bytes())
		return p.line(o.Bytes())
	}
	var b strings.Builder
	for i, last := range branch {
		switch above := i < len(branch)-1; {
		case above && last:
			b.WriteString("   ")
		case above:
			b.WriteString("│  ")
		case last:
			b.WriteString("└─ ")
		default:
			b.WriteString("├─ ")
		}
	}
	fmt.Fprintf(&b, "%s  %s/%d  @%d  %s  %v", e.Type, e.Stream, e.Revision, e.Position, jsonline.FormatTime(e.Time), e.ID)
	if len(branch) == 0 && e.CausationID != "" {
		fmt.Fprintf(&b, "  caused by %s", e.CausationID)
	}
	if asked {
		b.WriteString("  ←")
	}
	_, err := fmt.Fprintln(p.w, b.String())
	return err
}
