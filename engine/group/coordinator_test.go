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

// Of consumers that come and go, each gets its share, and none more than it
// wants to hold; what one gives back, others get at once.
func TestWorkIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true, Unordered: true})
		a, b := w.join(0), w.join(0)
		for i := range 40 {
			w.append(fmt.Sprint("s-", i), 1)
		}
		synctest.Wait()
		gotA := w.next(a, 20)
		gotB := w.next(b, 100)
		if len(gotA) != 20 || len(gotB) != 20 {
			t.Errorf("of 40 events one consumer has got %d, the other %d", len(gotA), len(gotB))
		}
		small := w.join(3)
		w.append("t", 10)
		if got := w.next(small, 100); len(got) != 3 {
			t.Errorf("a consumer that holds at most 3 was handed %d", len(got))
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		again := w.next(b, 100)
		if len(again) != 20+7 {
			t.Errorf("of 20 events given back and 7 new ones, %d were delivered", len(again))
		}
		failed := 0
		for _, d := range again {
			failed += int(d.Attempt - 1)
		}
		if failed != 1 {
			t.Errorf("a consumer that has gone was charged with %d failed attempts", failed)
		}
	})
}

// A lease that ends makes the token void, and the event comes again, to
// whoever is there.
func TestLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true, Lease: 5 * time.Second})
		w.append("a", 1) // @2
		slow, other := w.join(0), w.join(0)
		late := w.next(slow, 1)
		time.Sleep(5 * time.Second)
		expect(t, w.next(other, 1), "a@2#2 ")
		void, err := slow.Settle(t.Context(), []firn.Settlement{{Token: late[0].Token, Outcome: firn.Ack}})
		if void != 1 || err != nil {
			t.Errorf("answered late: %d void, %v", void, err)
		}
		time.Sleep(5 * time.Second)
		got := w.next(slow, 1)
		expect(t, got, "a@2#3 ")
		w.settle(slow, firn.Ack, got...)
	})
}

// What was out when the leader was lost is delivered again, what was settled is
// not, and answers to the old leader's deliveries are void.
func TestLeaderChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true})
		for _, stream := range []string{"a", "b", "c"} {
			w.append(stream, 2) // @2 to @7
		}
		u := w.join(0)
		got := w.next(u, 3)
		expect(t, got, "a@2#1 b@4#1 c@6#1 ")
		w.settle(u, firn.Ack, got[1])
		w.depose()
		if _, err := u.Next(t.Context(), 1); err != errDeposed {
			t.Errorf("a consumer of the leader before: %v", err)
		}
		w.s.Crash(0)
		w.lead()
		u = w.join(0)
		again := w.next(u, 10)
		expect(t, again, "a@2#1 b@5#1 c@6#1 ")
		void, err := u.Settle(t.Context(), []firn.Settlement{{Token: got[0].Token, Outcome: firn.Ack}})
		if void != 1 || err != nil {
			t.Errorf("an answer to the leader before: %d void, %v", void, err)
		}
		w.settle(u, firn.Ack, again...)
		expect(t, w.next(u, 10), "a@3#1 c@7#1 ")
	})
}

// A stream that has much more than the others catches up by itself, so that
// those behind it need not wait for it.
func TestHotStreamLetsOthersPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true, InFlight: 8})
		w.append("hot", 4000)
		w.append("cold", 1)
		u := w.join(0)
		next := firn.Position(2)
		cold := false
		for settled := 0; settled < 40; {
			for _, d := range w.next(u, 8) {
				if d.Stream == "cold" {
					cold = true
				} else if d.Position != next {
					t.Fatalf("of the hot stream @%d was delivered, not @%d", d.Position, next)
				} else {
					next++
				}
				w.settle(u, firn.Ack, d)
				settled++
			}
		}
		if !cold {
			t.Error("an event behind 4,000 of another stream waits for them")
		}
	})
}

// Rewound, the group begins again behind a point; what is parked up to there
// stays parked.
func TestRewind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true})
		w.append("a", 1) // @2
		w.append("b", 1) // @3
		w.append("c", 2) // @4 and @5
		u := w.join(0)
		got := w.next(u, 3)
		expect(t, got, "a@2#1 b@3#1 c@4#1 ")
		w.settle(u, firn.Park, got[0])
		w.settle(u, firn.Ack, got[1])
		w.settle(u, firn.Park, got[2])
		out, err := w.c.Rewind(t.Context(), 2, false)
		if err != nil || out != (firn.Rewound{From: 5, To: 2, Redelivered: 3}) {
			t.Errorf("rewound: %+v, %v", out, err)
		}
		got = w.next(u, 10)
		expect(t, got, "b@3#1! c@4#1! ")
		if got := info(t, w); got != "passed 2 of 5, lag 3 true, in flight 2, retrying 0, parked 1, waiting 1" {
			t.Error(got)
		}
		if _, err := w.c.Rewind(t.Context(), 5, false); err != nil {
			t.Error(err)
		}
		if void, err := u.Settle(t.Context(), []firn.Settlement{{Token: got[0].Token, Outcome: firn.Ack}}); void != 1 || err != nil {
			t.Errorf("an answer from before: %d void, %v", void, err)
		}
		w.append("b", 1)
		expect(t, w.next(u, 10), "b@6#1 ")
	})
}

// Once a change is made, whoever asks hears of it: a reader that waits for a
// group after a replay must not be told that it had passed before.
func TestWhoAsksAfterAChangeHearsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true})
		w.append("a", 1) // @2
		passed := func(want firn.Position, after string) {
			t.Helper()
			if i, err := w.c.Info(t.Context()); err != nil || i.Passed != want {
				t.Fatalf("after %s it has passed %d, want %d (%v)", after, i.Passed, want, err)
			}
		}
		u := w.join(0)
		for range 50 {
			got := w.next(u, 10)
			expect(t, got[:1], fmt.Sprintf("a@2#1%s ", map[bool]string{true: "!"}[got[0].Replay]))
			w.settle(u, firn.Park, got...)
			passed(2, "a settlement")
			if n, err := w.c.Replay(t.Context(), firn.ParkedSelection{All: true}); n != 1 || err != nil {
				t.Fatalf("replayed %d, %v", n, err)
			}
			passed(1, "a replay")
		}
		w.settle(u, firn.Ack, w.next(u, 10)...)
		for range 50 {
			if _, err := w.c.Rewind(t.Context(), 0, false); err != nil {
				t.Fatal(err)
			}
			passed(1, "a rewind")
			w.settle(u, firn.Skip, w.next(u, 10)...)
			passed(2, "a settlement")
		}
	})
}

// What a consumer gives back because it is about to close was not an attempt,
// and does not come to it again.
func TestGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true, MaxAttempts: 1})
		w.append("a", 1) // @2
		w.append("b", 1) // @3
		leaving := w.join(0)
		got := w.next(leaving, 10)
		expect(t, got, "a@2#1 b@3#1 ")
		void, err := leaving.Settle(t.Context(), []firn.Settlement{
			{Token: got[0].Token, Outcome: firn.GiveBack}, {Token: got[1].Token, Outcome: firn.Ack}, {Token: got[0].Token, Outcome: firn.GiveBack},
		})
		if void != 1 || err != nil {
			t.Errorf("given back and acknowledged: %d void, %v", void, err)
		}
		expect(t, w.next(leaving, 10), "")
		if err := leaving.Close(); err != nil {
			t.Error(err)
		}
		other := w.join(0)
		got = w.next(other, 10)
		expect(t, got, "a@2#1 ")
		w.settle(other, firn.GiveBack, got...)
		if got := info(t, w); got != "passed 1 of 3, lag 1 true, in flight 0, retrying 0, parked 0, waiting 0" {
			t.Error(got)
		}
	})
}
