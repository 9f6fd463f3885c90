package aggregatetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/aggregate"
)

// Past is an aggregate with what has happened to it.
type Past[S any] struct {
	t         testing.TB
	aggregate aggregate.Aggregate[S]
}

// Given begins a test with what has happened, the oldest first; nothing for an
// aggregate that does not exist yet. What Apply refuses fails the test.
func Given[S any](t testing.TB, kind aggregate.Type[S], happened ...firn.Draft) Past[S] {
	t.Helper()
	p := Past[S]{t, aggregate.Aggregate[S]{ID: "1", Stream: kind.Stream("1"), State: kind.Start()}}
	for i, d := range happened {
		e := firn.Event{
			Stream: p.aggregate.Stream, Revision: firn.Revision(i), Position: firn.Position(i + 1), Time: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC),
			ID: d.ID, Type: d.Type, Schema: d.Schema, ContentType: d.ContentType, Data: d.Data, Metadata: d.Metadata,
			CorrelationID: d.CorrelationID, CausationID: d.CausationID, Occurred: d.Occurred, Count: 1,
		}
		state, err := kind.Apply(p.aggregate.State, e)
		if err != nil {
			t.Fatalf("given %s, %s cannot be applied: %v", list(happened[:i]), d.Type, err)
		}
		p.aggregate.State, p.aggregate.Exists, p.aggregate.Revision = state, true, e.Revision
	}
	return p
}

// State returns the state that the past has led to.
func (p Past[S]) State() S { return p.aggregate.State }

// When has a decision made.
func (p Past[S]) When(decide aggregate.Decision[S]) Outcome {
	drafts, err := decide(p.aggregate)
	return Outcome{p.t, drafts, err}
}

// Outcome is what a decision has come to.
type Outcome struct {
	t      testing.TB
	drafts []firn.Draft
	err    error
}

// Then expects these drafts, in this order; none means that nothing is to be
// appended. Types, schemas and data are compared, JSON by its meaning; metadata
// only where it is given.
func (o Outcome) Then(want ...firn.Draft) {
	o.t.Helper()
	if o.err != nil {
		o.t.Fatalf("the decision is refused: %v; want %s", o.err, list(want))
	}
	same := len(want) == len(o.drafts)
	for i := 0; same && i < len(want); i++ {
		got, want := &o.drafts[i], &want[i]
		same = got.Type == want.Type && got.Schema == want.Schema && equal(got.Data, want.Data) &&
			(want.Metadata == nil || equal(got.Metadata, want.Metadata))
	}
	if !same {
		o.t.Errorf("decided: %s\nwant:    %s", list(o.drafts), list(want))
	}
}

// ThenError expects an error that is the target (see [errors.Is]).
func (o Outcome) ThenError(target error) {
	o.t.Helper()
	if !errors.Is(o.err, target) {
		o.t.Errorf("decided: %s, error %v; want the error %v", list(o.drafts), o.err, target)
	}
}

// equal compares JSON by its meaning, anything else byte by byte. Numbers are
// equal where they are written alike.
func equal(a, b []byte) bool {
	x, errX := parse(a)
	y, errY := parse(b)
	if errX != nil || errY != nil {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(x, y)
}

func parse(b []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v) // sorts the keys
}

func list(drafts []firn.Draft) string {
	if len(drafts) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for i := range drafts {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", drafts[i].Type, drafts[i].Data)
	}
	return b.String()
}
