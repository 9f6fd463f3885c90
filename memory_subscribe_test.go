package firn_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/firndb/firn"
)

// TestMemorySubscribe tells what a subscriber of a category sees: the events
// in order, changes of life as marks, and where it has caught up.
func TestMemorySubscribe(t *testing.T) {
	store := firn.Memory()
	add(t, store, "order-1", firn.None, 1, 2)
	add(t, store, "cart-1", firn.None, 3)
	if _, err := store.Change(t.Context(), "order-1", firn.Any, firn.Truncate{Before: 1}); err != nil {
		t.Fatal(err)
	}
	var told []string
	for message, err := range store.Subscribe(t.Context(), firn.Query{Category: "order"}) {
		if err != nil {
			t.Fatal(err)
		}
		if message.Mark == nil {
			told = append(told, fmt.Sprint(message.Event.Position))
		} else {
			told = append(told, fmt.Sprint(message.Mark.Kind, " ", message.Mark.At, " ", message.Mark.Stream))
		}
		if message.Mark != nil && message.Mark.Kind == firn.CaughtUp {
			add(t, store, "cart-1", firn.Any, 4)
			add(t, store, "order-2", firn.Any, 5)
		}
		if len(told) == 4 {
			break
		}
	}
	want := []string{"2", "life 4 order-1", "caught-up 4 ", "6"}
	if !slices.Equal(told, want) {
		t.Errorf("the subscriber was told %q, want %q", told, want)
	}
}

// TestMemorySubscribeTold: a subscriber hears how far the store has come, also
// where the last that concerned it is a mark.
func TestMemorySubscribeTold(t *testing.T) {
	store := firn.Memory()
	add(t, store, "order-1", firn.None, 1)
	for message, err := range store.Subscribe(t.Context(), firn.Query{Category: "order"}) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case message.Mark == nil:
		case message.Mark.Kind == firn.CaughtUp:
			// Both before the subscriber looks again.
			if _, err := store.Change(t.Context(), "order-1", firn.Any, firn.Limits{MaxCount: 5}); err != nil {
				t.Fatal(err)
			}
			add(t, store, "cart-1", firn.None, 2)
		case message.Mark.Kind == firn.Checkpoint && message.Mark.At == 3:
			return
		}
	}
}
