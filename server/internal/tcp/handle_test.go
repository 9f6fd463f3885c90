package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
)

// handled runs a handler until the group has passed the store's head, and
// returns what Handle did.
func handled(t *testing.T, db *client.Client, o client.HandleOptions, handle func(context.Context, firn.Delivery) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	head, _, err := db.Head(ctx, firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Handle(ctx, db, "g", o, handle) }()
	if _, err := db.WaitFor(ctx, "g", head); err != nil {
		t.Errorf("the group does not get on: %v", err)
	}
	cancel()
	return <-ended
}

// TestHandle: what a handler returns decides what becomes of the event, and a
// stream's events are handled in order, also beside others.
func TestHandle(t *testing.T) {
	for _, o := range []client.HandleOptions{{}, {Parallel: 4}, {Parallel: 3, Batch: 16}} {
		t.Run(fmt.Sprint(o.Parallel, o.Batch), func(t *testing.T) {
			_, db := withGroup(t, tcp.Options{}, firn.Group{MaxAttempts: 3, RetryMin: time.Millisecond})
			var streams []string
			for i := range 60 {
				streams = append(streams, fmt.Sprint("s-", i%7))
			}
			appendTo(t, db, append(streams, "parked", "failing", "failing", "later")...)
			var mu sync.Mutex
			next := map[string]firn.Revision{}
			calls := map[string]int{}
			working, most := 0, 0
			err := handled(t, db, o, func(ctx context.Context, d firn.Delivery) error {
				mu.Lock()
				calls[d.Event.Stream]++
				working++
				most = max(most, working)
				if d.Event.Revision != next[d.Event.Stream] {
					t.Errorf("stream %s: revision %d comes where %d is next", d.Event.Stream, d.Event.Revision, next[d.Event.Stream])
				}
				mu.Unlock()
				time.Sleep(100 * time.Microsecond)
				mu.Lock()
				defer mu.Unlock()
				working--
				switch {
				case d.Event.Stream == "parked":
					return fmt.Errorf("at the door: %w", client.Park(errors.New("no such customer")))
				case d.Event.Stream == "failing":
					return fmt.Errorf("attempt %d: %s", d.Attempt, strings.Repeat("é", 1000))
				case d.Event.Stream == "later" && d.Attempt == 1:
					return client.RetryAfter(errors.New("not yet"), 2*time.Millisecond)
				}
				next[d.Event.Stream]++
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if most > max(o.Parallel, 1) {
				t.Errorf("%d events were handled at a time", most)
			}
			reasons := map[string]string{}
			for p, err := range db.Parked(t.Context(), "g") {
				if err != nil {
					t.Fatal(err)
				}
				reasons[p.Stream] = p.Reason
			}
			if len(reasons) != 2 || reasons["parked"] != "at the door: no such customer" {
				t.Errorf("parked with the reasons %q", reasons)
			}
			if r := reasons["failing"]; !strings.HasPrefix(r, "attempt 3: éé") || !strings.HasSuffix(r, "é…") || len(r) > 1024 {
				t.Errorf("the reason of %d bytes is %q", len(r), r)
			}
			want := map[string]int{"parked": 1, "failing": 3, "later": 2, "s-0": 9, "s-1": 9, "s-2": 9, "s-3": 9, "s-4": 8, "s-5": 8, "s-6": 8}
			if !reflect.DeepEqual(calls, want) {
				t.Errorf("the handler was called %v, want %v", calls, want)
			}
		})
	}
}

// TestHandleStops: when its context ends, Handle waits for what has begun, and
// its answers count; what has not begun is left to others.
func TestHandleStops(t *testing.T) {
	_, db := withGroup(t, tcp.Options{}, firn.Group{Lease: time.Hour})
	appendTo(t, db, "a", "b", "c", "d")
	ctx, stop := context.WithCancel(t.Context())
	begun, release := make(chan string, 4), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- client.Handle(ctx, db, "g", client.HandleOptions{Parallel: 2, Batch: 8}, func(ctx context.Context, d firn.Delivery) error {
			begun <- d.Event.Stream
			<-release
			return ctx.Err()
		})
	}()
	one, two := <-begun, <-begun
	stop()
	select {
	case err := <-ended:
		t.Fatalf("it ended (%v) before its handlers had", err)
	case third := <-begun:
		t.Fatalf("%s was begun beside %s and %s, or after the end", third, one, two)
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	left := deliveries(t, consume(t, db, 0), 2)
	for _, d := range left {
		if d.Event.Stream == one || d.Event.Stream == two {
			t.Errorf("%s was handled, and comes again", d.Event.Stream)
		}
		if d.Attempt != 1 {
			t.Errorf("%s was not begun, and comes as attempt %d", d.Event.Stream, d.Attempt)
		}
	}
}

// TestHandlerOutlivesItsLease: a handler is told in time, so that its answer
// still counts; the event comes again and is not handled beside itself.
func TestHandlerOutlivesItsLease(t *testing.T) {
	_, db := withGroup(t, tcp.Options{}, firn.Group{Lease: 200 * time.Millisecond, RetryMin: time.Millisecond})
	appendTo(t, db, "a")
	var mu sync.Mutex
	err := handled(t, db, client.HandleOptions{Parallel: 4}, func(ctx context.Context, d firn.Delivery) error {
		if !mu.TryLock() {
			t.Error("the event is handled beside itself")
			return nil
		}
		defer mu.Unlock()
		if d.Attempt > 1 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
}

// TestHandlerStops: a handler that cannot work ends Handle and leaves its event
// to others.
func TestHandlerStops(t *testing.T) {
	_, db := withGroup(t, tcp.Options{}, firn.Group{Lease: time.Hour})
	appendTo(t, db, "a", "b")
	broken := errors.New("the database is gone")
	err := client.Handle(t.Context(), db, "g", client.HandleOptions{}, func(context.Context, firn.Delivery) error {
		return client.Stop(broken)
	})
	if err != broken {
		t.Errorf("it ended with %v", err)
	}
	if left := deliveries(t, consume(t, db, 0), 2); left[0].Event.Stream != "a" || left[0].Attempt != 1 {
		t.Errorf("left are %+v", left)
	}
}

// TestHandleEnds: a group that is not there, or goes away, ends Handle.
func TestHandleEnds(t *testing.T) {
	_, db := withGroup(t, tcp.Options{}, firn.Group{})
	handle := func(context.Context, firn.Delivery) error { return nil }
	if err := client.Handle(t.Context(), db, "none", client.HandleOptions{}, handle); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("no such group: %v", err)
	}
	if err := client.Handle(t.Context(), db, "g", client.HandleOptions{Parallel: -1}, handle); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("-1 handlers: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Handle(over, db, "g", client.HandleOptions{}, handle); err != nil {
		t.Errorf("its context had ended before: %v", err)
	}
	appendTo(t, db, "a")
	err := client.Handle(t.Context(), db, "g", client.HandleOptions{}, func(ctx context.Context, d firn.Delivery) error {
		_, err := db.DeleteGroup(ctx, "g")
		return err
	})
	if !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("the group was deleted: %v", err)
	}
}
