package main

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/firndb/firn"
)

const (
	testEvents  = 100
	testTimeout = 2 * time.Minute
)

// Every system that is a Go module appends 100 events, gives them back as they were
// written, refuses a wrong revision where it can, and delivers what is appended.
func TestSystems(t *testing.T) {
	for _, s := range systems() {
		if s.missing != nil { // a server of its own
			continue
		}
		for _, nodes := range s.nodes {
			t.Run(fmt.Sprint(s.name, "-", nodes), func(t *testing.T) { testSystem(t, s, nodes) })
		}
	}
}

func testSystem(t *testing.T, s *system, nodes int) {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	o := options{dir: t.TempDir()}
	err := o.with(ctx, s, nodes, 2, func(store *checked, _ string) error {
		written, err := write(ctx, store)
		if err != nil || !s.reads {
			return err
		}
		if err := store.verify(ctx); err != nil {
			return err
		}
		for _, stream := range []string{"test-1", "test-2"} {
			err := eventually(ctx, func(context.Context) error { return load(ctx, store, stream, written[stream]) })
			if err != nil {
				return err
			}
		}
		if s.expected {
			if _, err := store.Append(ctx, firn.To("test-1", firn.None, draft(0))); err == nil {
				return fmt.Errorf("an append to no stream was taken by one of %d events", len(written["test-1"]))
			}
		}
		if !s.follows {
			return nil
		}
		return deliver(ctx, store)
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(o.dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (error: %v)", left, err)
	}
}

func draft(n int) firn.Draft {
	return firn.Draft{ID: firn.NewID(), Type: "Tested", Data: fmt.Appendf(nil, `{"n":%d}`, n)}
}

// write appends half of the events singly to one stream, half in two batches to
// another.
func write(ctx context.Context, store firn.Store) (map[string][]firn.Draft, error) {
	written := map[string][]firn.Draft{}
	for _, part := range []struct {
		stream string
		batch  int
	}{{"test-1", 1}, {"test-2", testEvents / 4}} {
		expect := firn.None
		for done := 0; done < testEvents/2; done += part.batch {
			var drafts []firn.Draft
			for i := range part.batch {
				drafts = append(drafts, draft(done+i))
			}
			if _, err := store.Append(ctx, firn.To(part.stream, expect, drafts...)); err != nil {
				return nil, err
			}
			written[part.stream] = append(written[part.stream], drafts...)
			expect = firn.At(firn.Revision(done + part.batch - 1))
		}
	}
	return written, nil
}

func load(ctx context.Context, store firn.Store, stream string, want []firn.Draft) error {
	n := 0
	for e, err := range store.Read(ctx, firn.Query{Stream: stream}) {
		if err != nil {
			return err
		}
		if n >= len(want) || e.ID != want[n].ID || string(e.Data) != string(want[n].Data) || e.Type != want[n].Type || e.Revision != firn.Revision(n) {
			return fmt.Errorf("event %d of %q came as revision %d, id %s, type %q, data %s", n, stream, e.Revision, e.ID, e.Type, e.Data)
		}
		n++
	}
	if n != len(want) {
		return fmt.Errorf("%q came with %d events; %d were written", stream, n, len(want))
	}
	return nil
}

// deliver follows from the end, appends once it is told to have caught up, and expects that
// event alone, with the time at which it occurred.
func deliver(ctx context.Context, store firn.Store) error {
	d := draft(1)
	d.Occurred = time.UnixMicro(1_700_000_000_000_001).UTC()
	appended := make(chan error, 1)
	for m, err := range store.Subscribe(ctx, firn.Query{All: true, From: firn.EndPoint()}) {
		switch {
		case err != nil:
			return err
		case m.Mark == nil && m.Event.ID == d.ID && m.Event.Stream == "test-3" && m.Event.Occurred.Equal(d.Occurred):
			return <-appended
		case m.Mark == nil:
			return fmt.Errorf("event %s of %q came, occurred %s; not what was appended", m.Event.ID, m.Event.Stream, m.Event.Occurred)
		case m.Mark.Kind == firn.CaughtUp:
			go func() {
				_, err := store.Append(ctx, firn.To("test-3", firn.Any, d))
				appended <- err
			}()
		}
	}
	return fmt.Errorf("the subscription ended: %w", ctx.Err())
}
