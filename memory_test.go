package firn_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/firndb/firn"
)

func ExampleMemory() {
	ctx := context.Background()
	store := firn.Memory()
	_, err := store.Append(ctx, firn.To("order-42", firn.None,
		firn.Draft{Type: "OrderPlaced", Data: []byte(`{"total": 100.10}`)},
		firn.Draft{Type: "OrderPaid", Data: []byte(`{}`)},
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range store.Read(ctx, firn.Query{Stream: "order-42"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Revision, event.Type, string(event.Data))
	}
	_, err = store.Append(ctx, firn.To("order-42", firn.At(0), firn.Draft{Type: "OrderPaid"}))
	fmt.Println(err)
	// Output:
	// 0 OrderPlaced {"total": 100.10}
	// 1 OrderPaid {}
	// stream "order-42": expected revision 0, but it is at revision 1
}

// clock is a clock that stands still until a test sets it.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 14, 32, 7, 123456789, time.UTC)} }

func add(t *testing.T, store firn.Store, stream string, expect firn.Expectation, ids ...int) (firn.Appended, error) {
	t.Helper()
	write := firn.To(stream, expect)
	for _, n := range ids {
		write.Drafts = append(write.Drafts, draft(n))
	}
	return store.Append(t.Context(), write)
}

func draft(n int) firn.Draft {
	return firn.Draft{ID: firn.DeriveID(firn.ID{}, n), Type: "T", Data: fmt.Append(nil, n)}
}

func revisions(t *testing.T, store firn.Store, q firn.Query) []firn.Revision {
	t.Helper()
	all := []firn.Revision{}
	for e, err := range store.Read(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Revision)
	}
	return all
}

func TestMemoryTimesNeverGoBack(t *testing.T) {
	c := newClock()
	store := firn.NewMemory(firn.MemoryOptions{Now: c.now})
	start := c.Truncate(time.Microsecond)
	for i, step := range []struct{ clock, want time.Duration }{
		{0, 0}, {time.Hour, time.Hour}, {time.Minute, time.Hour}, {2 * time.Hour, 2 * time.Hour},
	} {
		c.Time = start.Add(step.clock)
		done, err := add(t, store, "a-1", firn.Any, i)
		if err != nil || !done.Time.Equal(start.Add(step.want)) {
			t.Errorf("with the clock at %s the time is %s (%v)", step.clock, done.Time.Sub(start), err)
		}
	}
}

func TestMemoryAges(t *testing.T) {
	c := newClock()
	store := firn.NewMemory(firn.MemoryOptions{Now: c.now})
	for i := range 3 {
		if _, err := add(t, store, "a-1", firn.Any, i); err != nil {
			t.Fatal(err)
		}
		c.Time = c.Add(time.Minute)
	}
	// It is minute 3 now, and the events are of minutes 0, 1 and 2.
	at, err := store.Change(t.Context(), "a-1", firn.Any, firn.Limits{MaxAge: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]struct {
		bound firn.Point
		want  string
	}{
		"now":                    {firn.Point{}, "[2]"},
		"at the change":          {firn.PositionPoint(at), "[2]"},
		"before the change":      {firn.PositionPoint(at - 1), "[0 1 2]"},
		"an hour on":             {firn.MomentPoint(c.Add(time.Hour)), "[]"},
		"a microsecond too soon": {firn.MomentPoint(c.Add(time.Minute - time.Microsecond)), "[2]"},
		"at the very age":        {firn.MomentPoint(c.Add(time.Minute)), "[]"},
	} {
		if got := fmt.Sprint(revisions(t, store, firn.Query{Stream: "a-1", Bound: step.bound})); got != step.want {
			t.Errorf("%s: %s, want %s", name, got, step.want)
		}
	}
}

func TestMemoryOpenMoments(t *testing.T) {
	c := newClock()
	store := firn.NewMemory(firn.MemoryOptions{Now: c.now})
	if _, err := add(t, store, "a-1", firn.Any, 1); err != nil {
		t.Fatal(err)
	}
	start := c.Time
	for name, step := range map[string]struct {
		clock time.Duration
		open  bool
	}{
		"it is still that moment":   {0, true},
		"it is over":                {time.Second, false},
		"the clock went back to it": {-time.Second, true},
	} {
		c.Time = start.Add(step.clock)
		info, err := store.Stream(t.Context(), "a-1", firn.MomentPoint(start))
		if err != nil || info.Open != step.open {
			t.Errorf("%s: open %t (%v)", name, info.Open, err)
		}
	}
}

// Beyond the window only an exact expectation finds a repetition.
func TestMemoryWindow(t *testing.T) {
	const window = 10
	for name, step := range map[string]struct {
		expect firn.Expectation
		ids    []int
		later  int // events in other streams since
		want   firn.Kind
		fresh  bool // not recognised: appended
	}{
		"within the window":                {expect: firn.Any, ids: []int{3, 4}, later: window - 2},
		"half within":                      {expect: firn.Any, ids: []int{3, 4}, later: window - 1, want: firn.ErrPartialRepeat},
		"half within, exact":               {expect: firn.At(2), ids: []int{3, 4}, later: window - 1},
		"beyond, exact":                    {expect: firn.At(2), ids: []int{3, 4}, later: 3 * window},
		"beyond, at the stream's end":      {expect: firn.At(4), ids: []int{3, 4}, later: 3 * window},
		"beyond, the whole stream":         {expect: firn.At(4), ids: []int{0, 1, 2, 3, 4}, later: 3 * window},
		"beyond, one too many at the end":  {expect: firn.At(4), ids: []int{9, 0, 1, 2, 3, 4}, later: 3 * window, want: firn.ErrPartialRepeat},
		"beyond, another last at the end":  {expect: firn.At(4), ids: []int{3, 4, 9}, later: 3 * window, fresh: true},
		"beyond, only a part":              {expect: firn.At(2), ids: []int{3, 9}, later: 3 * window, want: firn.ErrPartialRepeat},
		"beyond, the stream is too short":  {expect: firn.At(2), ids: []int{3, 4, 9}, later: 3 * window, want: firn.ErrPartialRepeat},
		"beyond, elsewhere in the stream":  {expect: firn.At(2), ids: []int{1, 2}, later: 3 * window, want: firn.ErrConflict},
		"beyond, a revision not there yet": {expect: firn.At(7), ids: []int{3, 4}, later: 3 * window, want: firn.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			store := firn.NewMemory(firn.MemoryOptions{Window: window})
			first, err := add(t, store, "a-1", firn.None, 0, 1, 2, 3, 4)
			if err != nil {
				t.Fatal(err)
			}
			for i := range step.later {
				if _, err := add(t, store, "b-1", firn.Any, i); err != nil {
					t.Fatal(err)
				}
			}
			done, err := add(t, store, "a-1", step.expect, step.ids...)
			switch {
			case step.want != 0:
				if !errors.Is(err, step.want) {
					t.Errorf("got %+v, %v, want the error %v", done, err, step.want)
				}
			case err != nil:
				t.Error(err)
			case step.fresh:
				if done.Repeated {
					t.Errorf("taken for a repetition: %+v", done)
				}
			case !done.Repeated || !done.Time.Equal(first.Time) || done.Position > first.Position:
				t.Errorf("got %+v, want a repetition of %+v", done, first)
			}
		})
	}
	store := firn.NewMemory(firn.MemoryOptions{Window: window})
	for i := range 2 * window {
		if _, err := add(t, store, "a-1", firn.Any, i); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := add(t, store, "a-1", firn.Any, 3); err != nil || done.Repeated {
		t.Errorf("beyond the window, an inexact repetition gives %+v, %v; it cannot be known", done, err)
	}
	changed := draft(4)
	changed.Data = []byte("other")
	if _, err := store.Append(t.Context(), firn.To("a-1", firn.At(3), changed)); !errors.Is(err, firn.ErrIDReused) {
		t.Errorf("beyond the window, the id at its exact place with other content gives %v", err)
	}
}
