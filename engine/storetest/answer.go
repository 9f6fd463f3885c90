package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// answer is what a store said to one operation, as lines of text that are the
// same for every correct store. What stores may differ in is replaced: times
// by the head at which they were first seen, ids that the store made by a word.
type answer []string

// side is one of the two stores that are compared.
type side struct {
	firn.Store
	heads map[int64]firn.Position // the head at which a time, in µs, was first seen
	made  func(firn.ID) bool      // whether the store made the id
}

// note learns the time of the head, after an operation that may have moved it
// and before its answer is put into words.
func (s *side) note(ctx context.Context) answer {
	head, at, err := s.Head(ctx, firn.Consistency{})
	if err != nil {
		return s.failure(err)
	}
	if _, known := s.heads[at.UnixMicro()]; !known {
		s.heads[at.UnixMicro()] = head
	}
	return answer{fmt.Sprintf("head %d, time of %s", head, s.time(at))}
}

// time names a time by the head at which it was first seen.
func (s *side) time(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	if t.Location() != time.UTC {
		return "an event, but not in UTC"
	}
	if p, ok := s.heads[t.UnixMicro()]; ok {
		return fmt.Sprint("@", p)
	}
	return "no event known"
}

func (s *side) id(id firn.ID) string {
	switch {
	case id.IsZero():
		return "zero"
	case s.made(id):
		return "made"
	}
	return id.String()
}

func (s *side) appended(done firn.Appended, err error) answer {
	if err != nil {
		return s.failure(err)
	}
	repeated := repeatedNot
	if done.Repeated {
		repeated = repeatedSo
	}
	lines := answer{fmt.Sprintf("appended up to %d, time of %s, %s", done.Position, s.time(done.Time), repeated)}
	for _, w := range done.Writes {
		line := fmt.Sprintf("%q revisions %d to %d, positions %d to %d, ids", w.Stream, w.FirstRevision, w.LastRevision, w.FirstPosition, w.LastPosition)
		for _, id := range w.IDs {
			line += " " + s.id(id)
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *side) events(seq iter.Seq2[firn.Event, error]) answer {
	events, err := collect(seq)
	var lines answer
	for _, e := range events {
		lines = append(lines, s.event(e))
	}
	return append(lines, s.failure(err)...)
}

func (s *side) event(e firn.Event) string {
	made := s.made(e.ID)
	if made {
		e.ID = firn.ID{}
	}
	return fmt.Sprintf("%s, made %t, time of %s", eventLine(e), made, s.time(e.Time))
}

// messages leaves out checkpoints, which may come or not.
func (s *side) messages(messages []firn.Message, err error) answer {
	var lines answer
	for _, m := range messages {
		switch {
		case m.Mark == nil:
			lines = append(lines, s.event(m.Event))
		case m.Mark.Kind != firn.Checkpoint:
			lines = append(lines, s.mark(m.Mark))
		}
	}
	return append(lines, s.failure(err)...)
}

func (s *side) mark(m *firn.Mark) string {
	return fmt.Sprintf("%v at %d: %q %T%+v, time of %s, actor %q", m.Kind, m.At, m.Stream, m.Life, m.Life, s.time(m.Time), m.Actor)
}

func (s *side) infos(seq iter.Seq2[firn.StreamInfo, error]) answer {
	infos, err := collect(seq)
	var lines answer
	for _, info := range infos {
		lines = append(lines, s.info(info))
	}
	return append(lines, s.failure(err)...)
}

// info says everything but how many bytes the events take, which is the
// store's own affair.
func (s *side) info(i firn.StreamInfo) string {
	line := fmt.Sprintf("%q %s as of %d, open %t, last revision %d, max age %s, max count %d, metadata %q (nil %t), %d events",
		i.Name, i.State, i.Position, i.Open, i.Revision, i.MaxAge, i.MaxCount, i.Metadata, i.Metadata == nil, i.Events)
	if i.Events > 0 {
		line += fmt.Sprintf(" from revision %d", i.FirstRevision)
	}
	return line + fmt.Sprintf(", times of %s to %s, takes bytes %t", s.time(i.FirstTime), s.time(i.LastTime), i.Bytes > 0)
}

// failure says the parts of an error that a program may act on. Of the ids and
// positions of reused ones, a store may list only the first.
func (s *side) failure(err error) answer {
	if err == nil {
		return nil
	}
	var e *firn.Error
	if !errors.As(err, &e) {
		return answer{"error of a foreign type: " + err.Error()}
	}
	line := "error " + e.Kind.String()
	switch e.Kind {
	case firn.ErrConflict, firn.ErrTombstoned, firn.ErrNotFound, firn.ErrDeleted:
		line += fmt.Sprintf(" of %q", e.Stream)
	}
	if c := e.Conflict; c != nil {
		line += fmt.Sprintf(", %q expected %s, actual %s, deleted %t", c.Stream, c.Expected, c.Actual, c.Deleted)
	}
	ids := slices.Clone(e.IDs)
	positions := e.Positions
	switch e.Kind {
	case firn.ErrPartialRepeat:
		slices.SortFunc(ids, func(a, b firn.ID) int { return strings.Compare(a.String(), b.String()) })
	case firn.ErrIDReused:
		ids, positions = ids[:min(1, len(ids))], positions[:min(1, len(positions))]
	}
	return answer{line + fmt.Sprintf(", ids %v, positions %v", ids, positions)}
}

// eventLine says every field of an event but its time.
func eventLine(e firn.Event) string {
	data := e.Data
	if firn.IsSystem(e.Stream) && e.Type != firn.TypeMetadata {
		data = canonical(data)
	}
	occurred := "none"
	if !e.Occurred.IsZero() {
		occurred = e.Occurred.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%d: %q@%d %s %q schema %d, %q %q, metadata %q, correlation %q, causation %q, occurred %s, actor %q, %d of %d",
		e.Position, e.Stream, e.Revision, e.ID, e.Type, e.Schema, e.ContentType, shorten(data), shorten(e.Metadata),
		e.CorrelationID, e.CausationID, occurred, e.Actor, e.Index, e.Count)
}

// canonical removes what two spellings of one JSON value may differ in.
func canonical(data []byte) []byte {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return data
	}
	out, err := json.Marshal(v)
	if err != nil {
		return data
	}
	return out
}

// How an answer to an append says whether it repeats an earlier one.
const (
	repeatedNot = "repeated false"
	repeatedSo  = "repeated true"
)
