package group

import (
	"context"
	"errors"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// EachParked visits a group's parked events, by position, until visit returns
// false.
func EachParked(e *engine.Engine, group string, visit func(*command.Aside) bool) error {
	for from := []byte(nil); ; {
		page, err := e.Asides(group, command.AsideParked, from, asidePage)
		if err != nil {
			return err
		}
		for i := range page.Asides {
			if !visit(&page.Asides[i]) {
				return nil
			}
		}
		if from = page.Next; from == nil {
			return nil
		}
	}
}

const asidePage = 256

// Parked describes a parked event.
func Parked(ctx context.Context, e *engine.Engine, g *firn.Group, a *command.Aside) (firn.ParkedEvent, error) {
	event, err := parkedEvent(e, a)
	if err != nil {
		return firn.ParkedEvent{}, err
	}
	parked := firn.ParkedEvent{
		Stream: event.Stream, Revision: event.Revision, Position: event.Position, ID: event.ID, Type: event.Type,
		Attempts: a.Attempts, Reason: string(a.Reason), Time: record.Time(int64(a.Parked)),
	}
	if a.Holds {
		parked.Behind, err = waiting(ctx, e, g, &event)
	}
	return parked, err
}

// parkedEvent returns the event that an aside stands for, or what is known of it
// where it was scavenged.
func parkedEvent(e *engine.Engine, a *command.Aside) (firn.Event, error) {
	r, err := e.RecordAt(a.Position)
	if errors.Is(err, firn.ErrNotFound) {
		return firn.Event{Stream: string(a.Stream), Revision: firn.Revision(a.Revision), Position: a.Position, Time: record.Time(int64(a.Parked))}, nil
	}
	if err != nil {
		return firn.Event{}, err
	}
	var decoder record.Decoder
	return decoder.Event(r.Stream, r.Bytes)
}

// waiting counts the events of a stream behind one that the group follows.
func waiting(ctx context.Context, e *engine.Engine, g *firn.Group, event *firn.Event) (n uint64, err error) {
	wanted := query(g)
	q := firn.Query{Stream: event.Stream, From: firn.RevisionPoint(event.Revision + 1)}
	for r, err := range e.Records(ctx, q, event.Time) {
		if gone(err) {
			return 0, nil
		}
		if err != nil {
			return n, err
		}
		_, draft, err := record.ParseNode(r.Stream, r.Bytes)
		if err != nil {
			return n, err
		}
		d, err := record.ParseDraft(draft)
		if err != nil {
			return n, err
		}
		if wanted.WantsType(string(d.Type)) {
			n++
		}
	}
	return n, nil
}
