package history

import (
	"context"
	"iter"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/rawjson"
	"github.com/firndb/firn/snapshot"
)

// Source loads what a past holds.
type Source interface {
	// State returns the fold's state at an end. It is meant to be cheap: a
	// snapshot, and the events behind it.
	State(ctx context.Context, end uint64) (snapshot.Computed, error)

	// Events yields the visible events with from <= revision < end, in order.
	Events(ctx context.Context, from, end uint64) iter.Seq2[firn.Event, error]
}

// Past is the past of one stream, under one fold.
type Past struct {
	Fold   snapshot.Fold
	Source Source

	// The visible events are those with Begin <= revision < End; what lies before
	// Begin was truncated or has expired, and is in no state but in a snapshot's.
	Begin, End uint64
}

// step is one event with the states before and after it.
type step struct {
	event         *firn.Event
	before, after rawjson.Value
}

// replay calls visit for each event of a range, with the states around it. What
// the trees point to is not used again.
func (p *Past) replay(ctx context.Context, from, end uint64, visit func(*step) error) error {
	if from >= end {
		return nil
	}
	begin, err := p.Source.State(ctx, from)
	if err != nil {
		return err
	}
	state, err := p.Fold.Start(begin.State)
	if err != nil {
		return err
	}
	last := begin.State
	for e, err := range p.Source.Events(ctx, from, end) {
		if err != nil {
			return err
		}
		if e.Fault != nil {
			return e.Fault
		}
		if err := state.Apply(ctx, &e); err != nil {
			return err
		}
		text, err := state.JSON()
		if err != nil {
			return err
		}
		// Both are read anew, so that what is the same in both is found without
		// being opened.
		s := step{event: &e}
		if s.before, err = parse(last); err != nil {
			return err
		}
		if s.after, err = parse(text); err != nil {
			return err
		}
		if err := visit(&s); err != nil {
			return err
		}
		last = text
	}
	return nil
}

func parse(state []byte) (rawjson.Value, error) {
	v, err := rawjson.Parse(state, firn.SnapshotBytesMax)
	if err != nil {
		return v, firn.Errorf(firn.ErrInternal, "a state is no JSON: %v", err)
	}
	return v, nil
}

// Actor returns who caused an event: the member "actor" of its metadata where that
// is a text, else the user that the store has authenticated.
func Actor(e *firn.Event) string {
	if len(e.Metadata) > 0 {
		if v, err := rawjson.Parse(e.Metadata, firn.EventBytesMax); err == nil {
			if actor := v.Member(rawjson.NewName("actor")); actor != nil && actor.Kind() == rawjson.String {
				return shortened(actor.Text())
			}
		}
	}
	return e.Actor
}

func shortened(s string) string {
	if len(s) <= firn.ActorBytesMax {
		return s
	}
	return strings.ToValidUTF8(s[:firn.ActorBytesMax-len("…")], "") + "…"
}

func described(e *firn.Event) *firn.EventInfo {
	return &firn.EventInfo{Revision: e.Revision, Position: e.Position, Time: e.Time, ID: e.ID, Type: e.Type, Actor: Actor(e)}
}
