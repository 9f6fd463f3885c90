package check_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
)

// hasty is a group of few attempts and short times, so that all of them end.
var hasty = firn.Group{
	Name: "g", Category: "s", MaxAttempts: 3, Lease: 2 * time.Second, RetryMin: 50 * time.Millisecond, RetryMax: 400 * time.Millisecond,
}

// TestRandomGroups has groups of all kinds consumed by a crowd, while leaders come
// and go and machines crash.
func TestRandomGroups(t *testing.T) {
	seed := testenv.Seed(t)
	unordered, continues := hasty, hasty
	unordered.Unordered, continues.OnPark = true, firn.ParkContinues
	for name, g := range map[string]firn.Group{"ordered": hasty, "unordered": unordered, "on park continue": continues} {
		t.Run(name, func(t *testing.T) {
			for i := range uint64(3) {
				synctest.Test(t, func(t *testing.T) {
					if err := consumeOnce(t, seed+i, g); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// consumeOnce appends while a crowd consumes and leaders come and go, and checks
// what has come of it.
func consumeOnce(t *testing.T, seed uint64, g firn.Group) error {
	w, r := newWorld(t, seed, g), dice(seed, 0)
	history := check.NewGroup(w.group, 0)
	watched := history.Watch(w)
	c := &crowd{groups: func(int) firn.Groups { return watched }, group: w.group, seed: seed}
	c.start(t.Context(), 4)
	for range 150 {
		var drafts []firn.Draft
		for range 1 + r.IntN(4) {
			drafts = append(drafts, firn.Draft{Type: "T"})
		}
		at, err := w.store.Append(t.Context(), firn.To(fmt.Sprint("s-", r.IntN(6)), firn.Any, drafts...))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
		switch r.IntN(30) {
		case 0:
			w.change(r.IntN(2) == 0)
		case 1:
			watched.Replay(t.Context(), g.Name, firn.ParkedSelection{All: true})
		case 2:
			watched.Drop(t.Context(), g.Name, firn.ParkedSelection{Stream: fmt.Sprint("s-", r.IntN(6))})
		case 3:
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			watched.WaitGroup(ctx, g.Name, at.Position)
			cancel()
		}
	}
	w.change(false)
	return settleAll(t, watched, history, c, g.Name, w.store)
}

// settleAll has a group do all that is left, and checks its history.
func settleAll(t *testing.T, watched firn.Groups, history *check.Group, c *crowd, name string, store firn.Store) error {
	t.Helper()
	head, _, err := store.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c.calm.Store(true)
	_, stuck := watched.WaitGroup(ctx, name, head)
	c.stop()
	var log []firn.Event
	for e, err := range store.Read(t.Context(), firn.Query{All: true, System: true}) {
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, e)
	}
	var parked []firn.ParkedEvent
	for p, err := range watched.Parked(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		parked = append(parked, p)
	}
	if err := history.Check(log, parked); err != nil {
		return err
	}
	if stuck != nil {
		return &check.Fault{Check: check.Lost, Text: fmt.Sprintf("the group does not come to %d: %v", head, stuck)}
	}
	return nil
}
