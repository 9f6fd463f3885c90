package group_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/group"
)

func places(ds []group.Delivery) string {
	s := ""
	for _, d := range ds {
		s += fmt.Sprintf("%s@%d#%d", d.Stream, d.Position, d.Attempt)
		if d.Replay {
			s += "!"
		}
		s += " "
	}
	return s
}

func expect(t *testing.T, got []group.Delivery, want string) {
	t.Helper()
	if places(got) != want {
		t.Fatalf("delivered %q, want %q", places(got), want)
	}
}

func info(t *testing.T, w *world) string {
	t.Helper()
	i, err := w.c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("passed %d of %d, lag %d %t, in flight %d, retrying %d, parked %d, waiting %d", i.Passed, i.Head, i.Lag, i.LagExact, i.InFlight, i.Retrying, i.Parked, i.Waiting)
}

// An event that fails again and again is parked, and its stream with it, and
// only that; replayed, it is delivered first and then what waited behind it.
func TestPoisonHoldsUpItsStreamOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true, MaxAttempts: 2})
		w.append("a", 3) // @2 to @4
		w.append("b", 2) // @5 and @6
		u := w.join(0)
		got := w.next(u, 10)
		expect(t, got, "a@2#1 b@5#1 ")
		w.settle(u, firn.RetryLater, got[0])
		w.settle(u, firn.Ack, got[1])
		got = w.next(u, 10)
		expect(t, got, "b@6#1 ")
		w.settle(u, firn.Ack, got...)
		time.Sleep(time.Second)
		got = w.next(u, 10)
		expect(t, got, "a@2#2 ")
		if got := info(t, w); got != "passed 1 of 6, lag 1 false, in flight 1, retrying 1, parked 0, waiting 0" {
			t.Error(got)
		}
		w.settle(u, firn.RetryLater, got...)
		if got := info(t, w); got != "passed 6 of 6, lag 0 true, in flight 0, retrying 0, parked 1, waiting 1" {
			t.Error(got)
		}
		w.append("a", 1) // @7
		expect(t, w.next(u, 10), "")
		if parked, err := w.c.Wait(t.Context(), 7); parked != 1 || err != nil {
			t.Errorf("waited: %d parked, %v", parked, err)
		}
		w.depose()
		w.lead()
		u = w.join(0)
		expect(t, w.next(u, 10), "")
		if n, err := w.c.Replay(t.Context(), firn.ParkedSelection{Stream: "a"}); n != 1 || err != nil {
			t.Errorf("replayed %d, %v", n, err)
		}
		for _, want := range []string{"a@2#1! ", "a@3#1! ", "a@4#1! ", "a@7#1! "} {
			got := w.next(u, 10)
			expect(t, got, want)
			w.settle(u, firn.Ack, got...)
		}
		w.append("a", 1)
		got = w.next(u, 10)
		expect(t, got, "a@8#1 ")
		w.settle(u, firn.Ack, got...)
		if got := info(t, w); got != "passed 8 of 8, lag 0 true, in flight 0, retrying 0, parked 0, waiting 0" {
			t.Error(got)
		}
	})
}
