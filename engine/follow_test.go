package engine_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/enginetest"
)

// storeBeyondItsCache returns a store of layers, none of which fits into the
// cache, and how many events it has.
func storeBeyondItsCache(t *testing.T) (*enginetest.Store, firn.Position) {
	t.Helper()
	s := enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 300}, CacheBytes: 1 << 20})
	data := bytes.Repeat([]byte("x"), 2000)
	var head firn.Position
	for i := range 500 {
		var drafts []firn.Draft
		for range 3 {
			drafts = append(drafts, firn.Draft{Type: "T", ContentType: "text/plain", Data: data})
		}
		done, err := s.Append(t.Context(), firn.To(fmt.Sprintf("c%d-%d", i%2, i%7), firn.Any, drafts...))
		if err != nil {
			t.Fatal(err)
		}
		head = done.Position
	}
	return s, head
}

// step takes a follower's next batch, which must go on from position at, and
// returns how far it has come.
func step(t *testing.T, f *engine.Follower, at firn.Position) (next firn.Position, head bool) {
	t.Helper()
	b, err := f.Next(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Events {
		if at++; b.Events[i].Position != at {
			t.Fatalf("event %d comes where %d is due", b.Events[i].Position, at)
		}
	}
	if b.Through != at || f.At() != at {
		t.Fatalf("after the event at %d it says that it has come to %d", at, b.Through)
	}
	return at, b.Head
}

// TestFollowersShareMemory has more followers at work in the past than may
// hold a layer, each at another place: all get everything once, and nothing is
// held in the end.
func TestFollowersShareMemory(t *testing.T) {
	s, head := storeBeyondItsCache(t)
	e := s.Engine()
	followers := make([]*engine.Follower, 12)
	at := make([]firn.Position, len(followers))
	for i := range followers {
		at[i] = firn.Position(i) * head / firn.Position(len(followers))
		var err error
		if followers[i], err = e.Follow(firn.Query{All: true, From: firn.PositionPoint(at[i] + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	most := 0
	for left := len(followers); left > 0; {
		left = 0
		for i, f := range followers {
			var over bool
			if at[i], over = step(t, f, at[i]); !over {
				left++
			}
			most = max(most, e.Held())
		}
	}
	for i := range at {
		if at[i] != head {
			t.Errorf("follower %d has come to %d, the head is %d", i, at[i], head)
		}
	}
	if most == 0 || e.Held() != 0 {
		t.Errorf("at most %d layers were held, in the end %d", most, e.Held())
	}
}

// TestFollowerRests lets a follower rest between all steps: it holds nothing
// then, and goes on where it was.
func TestFollowerRests(t *testing.T) {
	s, head := storeBeyondItsCache(t)
	e := s.Engine()
	f, err := e.Follow(firn.Query{All: true})
	if err != nil {
		t.Fatal(err)
	}
	at := firn.Position(0)
	for over := false; !over; {
		at, over = step(t, f, at)
		f.Rest()
		if n := e.Held(); n != 0 {
			t.Fatalf("at %d the resting follower holds %d layers", at, n)
		}
	}
	if at != head {
		t.Errorf("it has come to %d, the head is %d", at, head)
	}
}

// TestFollowerStepsAreBounded: however large the events are, one step holds few
// of them.
func TestFollowerStepsAreBounded(t *testing.T) {
	s := enginetest.Open(t, enginetest.Options{})
	for range 8 {
		draft := firn.Draft{Type: "T", ContentType: "text/plain", Data: bytes.Repeat([]byte("x"), 100<<10)}
		if _, err := s.Append(t.Context(), firn.To("s", firn.Any, draft)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := s.Engine().Follow(firn.Query{Stream: "s"})
	if err != nil {
		t.Fatal(err)
	}
	for at := firn.Position(0); at < 8; {
		before := at
		if at, _ = step(t, f, at); at > before+1 {
			t.Fatalf("one step holds %d events of 100 KiB", at-before)
		}
	}
	f.Rest()
}
