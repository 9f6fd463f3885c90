package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
)

// TestDueBounds walks along streams of any events with states of any size, and
// holds what Policy promises: the tail is bounded, and so is what snapshots add.
func TestDueBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := snapshot.Policy{Every: rapid.IntRange(0, 200).Draw(t, "every")}
		every := p.Every
		if every == 0 {
			every = snapshot.EveryDefault
		}
		largest := rapid.SampledFrom([]int{100, 5_000, 400_000}).Draw(t, "event bytes")
		state := rapid.IntRange(0, 4<<20).Draw(t, "state bytes")
		eventBytes, stateBytes, since, tail := 0, 0, 0, 0
		for range rapid.IntRange(0, 3000).Draw(t, "events") {
			size := (largest*(since*7+tail%13+1))%largest + 1
			since, tail, eventBytes = since+1, tail+size, eventBytes+size
			due := p.Due(since, tail, state)
			if !due && since >= every && tail > state/4+largest {
				t.Fatalf("after %d events of %d bytes none is due, with a state of %d", since, tail, state)
			}
			if !due && tail > max(256<<10, state)+largest {
				t.Fatalf("%d bytes of events are not enough, with a state of %d", tail, state)
			}
			if due && since < every && tail < 256<<10 {
				t.Fatalf("one is due after %d events of %d bytes", since, tail)
			}
			if due {
				since, tail, stateBytes = 0, 0, stateBytes+state
			}
		}
		if stateBytes > 4*eventBytes+4 {
			t.Fatalf("%d bytes of snapshots for %d bytes of events", stateBytes, eventBytes)
		}
	})
}

// TestKeep: where many events come at once, snapshots are made along the way, and
// each of them is the state of its revision.
func TestKeep(t *testing.T) {
	var events []firn.Event
	for i := range 1234 {
		events = append(events, event(i, "T", fmt.Sprintf(`{"n":%d,"k%d":%d.50}`, i, i%7, i)))
	}
	version := snapshot.Merge.Version(nil)
	var kept []firn.Snapshot
	save := func(s firn.Snapshot) error { kept = append(kept, s); return s.Check() }
	c, err := snapshot.Policy{}.Keep(context.Background(), snapshot.Merge, version, firn.Loaded{Events: history(events...)}, save)
	if err != nil || len(kept) != 12 || c.Revision != 1233 {
		t.Fatalf("%d snapshots, %+v, %v", len(kept), c, err)
	}
	for i, s := range kept {
		want := compute(t, snapshot.Merge, nil, events[:s.Revision+1]...)
		if s.Revision != firn.Revision(100*i+99) || string(s.State) != string(want.State) || s.Version != version || s.Fold != "merge" || s.Stream != "order-42" {
			t.Errorf("snapshot %d is %+v; the state is %s", i, s, want.State)
		}
		if compute(t, snapshot.Merge, &s, events[s.Revision+1:]...).Events >= 1234 {
			t.Error("a snapshot spares nothing")
		}
	}
	// From one of them on, the same ones are made.
	var again []firn.Snapshot
	if _, err := (snapshot.Policy{}).Keep(context.Background(), snapshot.Merge, version, firn.Loaded{Snapshot: &kept[4], Events: history(events[kept[4].Revision+1:]...), Partial: true},
		func(s firn.Snapshot) error {
			if !s.Partial {
				t.Error("a state without its beginning is kept as if it were whole")
			}
			s.Partial = false
			again = append(again, s)
			return nil
		}); err != nil || fmt.Sprint(again) != fmt.Sprint(kept[5:]) {
		t.Errorf("from a snapshot on: %d of %d, %v", len(again), len(kept)-5, err)
	}
	full := errors.New("full")
	if _, err := (snapshot.Policy{}).Keep(context.Background(), snapshot.Merge, version, firn.Loaded{Events: history(events...)}, func(firn.Snapshot) error { return full }); err != full {
		t.Errorf("an error of save gives %v", err)
	}
	// A large state waits for events.
	kept = nil
	large := append([]firn.Event{event(0, "T", `{"x":"`+strings.Repeat("x", 20_000)+`"}`)}, events[1:]...)
	if _, err := (snapshot.Policy{}).Keep(context.Background(), snapshot.Merge, version, firn.Loaded{Events: history(large...)}, save); err != nil || len(kept) < 3 || len(kept) > 7 {
		t.Errorf("a large state got %d snapshots, %v", len(kept), err)
	}
}
