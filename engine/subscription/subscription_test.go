package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/engine/subscription"
)

func add(t *testing.T, s *enginetest.Store, stream, typ string, n int) {
	t.Helper()
	var drafts []firn.Draft
	for range n {
		drafts = append(drafts, firn.Draft{Type: typ, Data: []byte("1")})
	}
	if _, err := s.Append(t.Context(), firn.To(stream, firn.Any, drafts...)); err != nil {
		t.Fatal(err)
	}
}

// TestCheckpoints tells how a subscription that selects next to nothing gets
// through a store: by the layers' ends, at a distance, each at the end of an
// append.
func TestCheckpoints(t *testing.T) {
	s := enginetest.Open(t, enginetest.Options{
		Settings:     engine.Settings{LayerEvents: 8},
		Subscription: subscription.Options{Distance: 16, Pause: time.Millisecond},
	})
	for i := range 20 {
		typ := "Common"
		if i == 10 {
			typ = "Rare" // at 31 to 33
		}
		add(t, s, "order-1", typ, 3) // layers of nine
	}
	var told []string
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for m, err := range s.Subscribe(ctx, firn.Query{Category: "order", Types: []string{"Rare"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Mark == nil {
			told = append(told, fmt.Sprint(m.Event.Position))
			continue
		}
		told = append(told, fmt.Sprintf("%v %d", m.Mark.Kind, m.Mark.At))
		if m.Mark.Kind == firn.CaughtUp {
			add(t, s, "order-1", "Common", 2)
		}
		if m.Mark.At == 62 {
			break
		}
	}
	want := []string{"checkpoint 18", "31", "32", "33", "checkpoint 54", "caught-up 60", "checkpoint 62"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestEngineCloses: a subscription ends when its engine is closed, also while
// it waits.
func TestEngineCloses(t *testing.T) {
	s := enginetest.Open(t, enginetest.Options{})
	for _, err := range s.Subscribe(t.Context(), firn.Query{All: true}) {
		if err == nil {
			s.Restart()
			continue
		}
		if !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("it ended with %v, want %v", err, firn.ErrUnavailable)
		}
	}
}

// TestManySubscriptions: a thousand subscriptions on one engine, each woken for
// what is appended to its stream.
func TestManySubscriptions(t *testing.T) {
	const many = 1000
	s := enginetest.Open(t, enginetest.Options{})
	ready, got := make(chan error, many), make(chan error, many)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range many {
		go func() {
			for m, err := range s.Subscribe(ctx, firn.Query{Stream: fmt.Sprint("s-", i)}) {
				switch {
				case err != nil:
					ready <- err
					got <- err
					return
				case m.Mark == nil:
					got <- nil
					return
				case m.Mark.Kind == firn.CaughtUp:
					ready <- nil
				}
			}
		}()
	}
	for range many {
		if err := <-ready; err != nil {
			t.Fatal(err)
		}
	}
	for i := range many {
		add(t, s, fmt.Sprint("s-", i), "T", 1)
	}
	for range many {
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
}
