package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/firndb/firn"
)

// errNotOffered is what a system answers that has no such thing.
var errNotOffered = errors.New("this system does not offer that")

// adapted is a firn.Store made of a system's log, as far as package bench needs
// one: to append to one stream, to read a stream or everything, to follow
// everything.
type adapted struct{ log }

// asStore makes a firn.Store of a log.
func asStore(l log) firn.Store { return adapted{l} }

func (a adapted) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	if len(writes) != 1 {
		return firn.Appended{}, fmt.Errorf("%d writes: %w", len(writes), errNotOffered)
	}
	w := writes[0]
	next := int64(-1)
	if last, exact := w.Expect.Exact(); exact {
		next = int64(last) + 1
	} else if w.Expect == firn.None {
		next = 0
	}
	now := time.Now().UTC()
	events := make([]firn.Event, len(w.Drafts))
	ids := make([]firn.ID, len(w.Drafts))
	for i := range w.Drafts {
		d := &w.Drafts[i]
		id := d.ID
		if id.IsZero() {
			id = firn.NewID()
		}
		ids[i] = id
		events[i] = firn.Event{Stream: w.Stream, Revision: firn.Revision(max(next, 0) + int64(i)), Time: now,
			ID: id, Type: d.Type, Data: d.Data, Occurred: d.Occurred}
	}
	if err := a.append(ctx, w.Stream, next, events); err != nil {
		return firn.Appended{}, err
	}
	return firn.Appended{Time: now, Writes: []firn.Written{{
		Stream: w.Stream, FirstRevision: events[0].Revision, LastRevision: events[len(events)-1].Revision, IDs: ids,
	}}}, nil
}

func (a adapted) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	if q.Stream != "" {
		return a.load(ctx, q.Stream)
	}
	return a.follow(ctx, false, func() bool { return false })
}

func (a adapted) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return func(yield func(firn.Message, error) bool) {
		fromEnd := q.From.Kind() == firn.PointEnd
		caughtUp := func() bool { return yield(firn.Message{Mark: &firn.Mark{Kind: firn.CaughtUp}}, nil) }
		for e, err := range a.follow(ctx, fromEnd, caughtUp) {
			if !yield(firn.Message{Event: e}, err) || err != nil {
				return
			}
		}
	}
}

// Streams yields none: every figure has a store of its own, which was empty.
func (a adapted) Streams(context.Context, firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return func(func(firn.StreamInfo, error) bool) {}
}

func (a adapted) Stream(context.Context, string, firn.Point) (firn.StreamInfo, error) {
	return firn.StreamInfo{}, errNotOffered
}

func (a adapted) Change(context.Context, string, firn.Expectation, firn.Life) (firn.Position, error) {
	return 0, errNotOffered
}

func (a adapted) Head(context.Context, firn.Consistency) (firn.Position, time.Time, error) {
	return 0, time.Time{}, errNotOffered
}

// failed yields one error.
func failed(err error) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) { yield(firn.Event{}, err) }
}
