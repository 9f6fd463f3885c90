package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

// Entry is what one event did.
type Entry struct {
	Event  firn.Event
	Change Patch // from the state before it to the state after it
}

// Log yields the events from a revision on, each with what it changed.
func (p *Past) Log(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		enough := errors.New("enough")
		err := p.replay(ctx, max(from, p.Begin), p.End, func(s *step) error {
			change, err := diff(&s.before, &s.after)
			if err != nil {
				return err
			}
			if !yield(Entry{*s.event, change}, nil) {
				return enough
			}
			return nil
		})
		if err != nil && err != enough {
			yield(Entry{}, err)
		}
	}
}

// Line returns an event on one line: revision, time, type, who caused it, and its
// data, or as much of it as fits. It has nothing in it that a terminal would obey.
func Line(e *firn.Event) string {
	line := fmt.Sprintf("%d  %s  %s", e.Revision, jsonline.FormatTime(e.Time), Clean(e.Type))
	if actor := Actor(e); actor != "" {
		line += "  " + Clean(actor)
	}
	switch {
	case len(e.Data) == 0:
	case jsonline.Valid(e.Data):
		line += "  " + Shown(jsonline.Compact(nil, e.Data))
	default:
		line += fmt.Sprintf("  (%d bytes of %s)", len(e.Data), Clean(e.ContentType))
	}
	return line
}

// Clean returns a text without what a terminal would obey.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
