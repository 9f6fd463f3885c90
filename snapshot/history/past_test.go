package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/snapshot/history"
)

// memory is a past in memory, with a snapshot every hundred events.
type memory struct {
	fold   snapshot.Fold
	events []firn.Event
	begin  uint64 // those before it are truncated
	kept   map[uint64][]byte
	loads  int
}

func event(n int, typ, data string) firn.Event {
	return firn.Event{
		Stream: "order-42", Revision: firn.Revision(n), Position: firn.Position(10*n + 1), ID: firn.DeriveID(firn.ID{1}, n),
		Time: time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC), Type: typ, Schema: 1, ContentType: firn.JSON, Data: []byte(data), Count: 1,
	}
}

func past(fold snapshot.Fold, events ...firn.Event) (*history.Past, *memory) {
	m := &memory{fold: fold, events: events, kept: map[uint64][]byte{}}
	return &history.Past{Fold: fold, Source: m, End: uint64(len(events))}, m
}

func (m *memory) State(ctx context.Context, end uint64) (snapshot.Computed, error) {
	m.loads++
	at := end / 100 * 100
	if at <= m.begin {
		return snapshot.Compute(ctx, m.fold, nil, m.Events(ctx, m.begin, end))
	}
	if m.kept[at] == nil {
		c, err := m.State(ctx, at-100)
		if err == nil && at-100 < m.begin {
			c, err = snapshot.Compute(ctx, m.fold, nil, m.Events(ctx, m.begin, at))
		} else if err == nil {
			c, err = snapshot.Compute(ctx, m.fold, &firn.Snapshot{State: c.State}, m.Events(ctx, at-100, at))
		}
		m.loads--
		if err != nil {
			return c, err
		}
		m.kept[at] = c.State
	}
	return snapshot.Compute(ctx, m.fold, &firn.Snapshot{State: m.kept[at], Revision: firn.Revision(at - 1)}, m.Events(ctx, at, end))
}

func (m *memory) Events(_ context.Context, from, end uint64) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		for i := max(from, m.begin); i < end; i++ {
			if !yield(m.events[i], nil) {
				return
			}
		}
	}
}

func parse(t testing.TB, text string) snapshot.Fold {
	t.Helper()
	f, err := snapshot.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// states are those after each event, computed from the first one each time.
func states(t failer, fold snapshot.Fold, events []firn.Event) []any {
	var all []any
	for end := range len(events) + 1 {
		c, err := snapshot.Compute(context.Background(), fold, nil, func(yield func(firn.Event, error) bool) {
			for _, e := range events[:end] {
				if !yield(e, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, value(t, string(c.State)))
	}
	return all
}

type failer interface{ Fatal(...any) }

// value reads JSON with its numbers as float64, so that 1.0 and 1 are the same.
func value(t failer, text string) any {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(text, err)
	}
	return v
}

// document draws a JSON text.
func document(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return "null"
		case 1:
			return rapid.SampledFrom([]string{"true", "false", `"x"`, `""`, `"\u0041"`, `"A"`}).Draw(t, "scalar")
		case 2:
			return rapid.SampledFrom([]string{"0", "-0", "1", "1.0", "10e-1", "100.10", "1e2", "100", "-0.5e-3"}).Draw(t, "number")
		case 3:
			return "{}"
		case 4:
			return "[" + strings.Join(rapid.SliceOfN(document(depth-1), 0, 5).Draw(t, "items"), ",") + "]"
		}
		names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c d", "", "a/b", "m~n", "é", "0", "-"}), 0, 4, rapid.ID).Draw(t, "names")
		var members []string
		for _, name := range names {
			members = append(members, fmt.Sprintf("%q:%s", name, document(depth-1).Draw(t, "value")))
		}
		return "{" + strings.Join(members, ",") + "}"
	})
}
