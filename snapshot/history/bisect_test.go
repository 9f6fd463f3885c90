package history_test

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/snapshot/history"
)

func condition(t testing.TB, expression string) *history.Condition {
	t.Helper()
	c, err := history.NewCondition(expression)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// flips is a past in which .on changes at the revisions given, and the first state
// has it off unless on is set.
func flips(n int, on bool, at ...int) (*history.Past, *memory) {
	events := make([]firn.Event, n)
	for i := range events {
		for _, a := range at {
			if a == i {
				on = !on
			}
		}
		events[i] = event(i, "T", fmt.Sprintf(`{"on":%v,"n":%d}`, on, i))
	}
	return past(snapshot.Merge, events...)
}

func TestBisect(t *testing.T) {
	c, byEvent := condition(t, ".on"), condition(t, "$event.data.on and .n == $event.revision")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(t, "events")
		at := rapid.IntRange(0, n).Draw(t, "at") // n: never
		p, m := flips(n, false, at)
		m.State(context.Background(), uint64(n)) // makes its snapshots
		for _, c := range []*history.Condition{c, byEvent} {
			m.loads = 0
			got, err := p.Bisect(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			if got.Found != (at < n) || got.Doubtful() || got.AtStart != (at == 0) || got.AtEnd != (at < n) {
				t.Fatalf("%+v for %d of %d", got, at, n)
			}
			if got.Found && (int(got.Event.Revision) != at || !strings.Contains(string(got.HasState), fmt.Sprintf(`"n":%d}`, at)) ||
				at > 0 && !strings.Contains(string(got.Had), fmt.Sprintf(`"n":%d}`, at-1))) {
				t.Fatalf("%s, %s, %+v for %d of %d", got.Had, got.HasState, got.Event, at, n)
			}
			if most := 2*bits.Len(uint(n)) + 5; got.Loads > most || m.loads > most {
				t.Fatalf("%d loads, said to be %d, for %d events", m.loads, got.Loads, n)
			}
			exact, err := p.Scan(context.Background(), c)
			exact.Exact, exact.Loads, got.Loads = false, 0, 0
			if err != nil || !reflect.DeepEqual(exact, got) {
				t.Fatalf("a scan says %+v, %v; a search %+v", exact, err, got)
			}
		}
	})
}

// TestBisectNotices: where the condition changes more than once, in stretches that
// the sample can see, the search says so, and a scan finds the first.
func TestBisectNotices(t *testing.T) {
	c := condition(t, ".on")
	p, _ := flips(1000, false, 10, 300, 700)
	got, err := p.Bisect(context.Background(), c)
	if err != nil || !got.Found || !got.Doubtful() {
		t.Errorf("%+v, %v", got, err)
	}
	exact, err := p.Scan(context.Background(), c)
	if err != nil || !exact.Found || exact.Event.Revision != 10 || exact.Changes != 3 || exact.Doubtful() {
		t.Errorf("a scan: %+v, %v", exact, err)
	}
	// It holds in between, and not at the end.
	p, _ = flips(1000, false, 300, 700)
	if got, err = p.Bisect(context.Background(), c); err != nil || !got.Found || got.Event.Revision != 300 || got.AtEnd || !got.Doubtful() {
		t.Errorf("%+v, %v", got, err)
	}
	// It holds at the start, which is first whatever comes.
	p, _ = flips(1000, true, 300, 700)
	if got, err = p.Bisect(context.Background(), c); err != nil || !got.AtStart || got.Event.Revision != 0 || got.Doubtful() || got.Had != nil {
		t.Errorf("%+v, %v", got, err)
	}
	// A change too short for the sample: only the scan finds it.
	p, _ = flips(1000, false, 501, 502)
	if got, err = p.Bisect(context.Background(), c); err != nil || got.Found || got.Doubtful() {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = p.Scan(context.Background(), c); err != nil || !got.Found || got.Event.Revision != 501 || got.AtEnd || got.Changes != 2 {
		t.Errorf("a scan: %+v, %v", got, err)
	}
}

func TestBisectFails(t *testing.T) {
	if _, err := history.NewCondition("now > 5"); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("%v", err)
	}
	p, _ := flips(100, false, 50)
	for expression, want := range map[string]string{".on.x": "at revision 0: ", "empty": "it gives no value", "def f: f; f": "it was ended after"} {
		for _, search := range []func(context.Context, *history.Condition) (firn.Bisected, error){p.Bisect, p.Scan} {
			if _, err := search(context.Background(), condition(t, expression)); !errors.Is(err, firn.ErrProgram) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", expression, err)
			}
		}
	}
	none, _ := past(snapshot.Merge)
	if _, err := none.Bisect(context.Background(), condition(t, ".")); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("without events: %v", err)
	}
	if _, err := none.Scan(context.Background(), condition(t, ".")); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("without events: %v", err)
	}
}

// TestLog: the changes, put together, are what the events did.
func TestLog(t *testing.T) {
	all := folds(t)
	rapid.Check(t, func(t *rapid.T) {
		fold := rapid.SampledFrom(all).Draw(t, "fold")
		events := drawn(t, 10)
		from := rapid.IntRange(0, len(events)).Draw(t, "from")
		p, _ := past(fold, events...)
		states := states(t, fold, events)
		state, n := states[from], from
		for entry, err := range p.Log(context.Background(), uint64(from)) {
			if err != nil || int(entry.Event.Revision) != n {
				t.Fatalf("entry %d is %v, %v", n, entry.Event, err)
			}
			n++
			if state, err = apply(state, patchOf(t, entry.Change)); err != nil || !reflect.DeepEqual(state, states[n]) {
				t.Fatalf("after %d: %v, %v; want %v", n, state, err, states[n])
			}
		}
		if n != len(events) {
			t.Fatalf("%d entries of %d", n, len(events))
		}
	})
	e := event(7, "Item\x1b[31mAdded", `{"a": 100.10}`)
	e.Metadata = []byte(`{"actor":"ann"}`)
	if got := history.Line(&e); got != "7  2026-03-01T12:00:07.000000Z  Item\uFFFD[31mAdded  ann  {\"a\":100.10}" {
		t.Error(got)
	}
	e.Metadata, e.Actor, e.Data, e.ContentType, e.Time = []byte(`{"actor":5}`), "bob", []byte{0, 1}, "image/png", time.Time{}
	if got := history.Line(&e); !strings.HasSuffix(got, "  bob  (2 bytes of image/png)") {
		t.Error(got)
	}
}
