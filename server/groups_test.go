package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/firndb/firn"
)

func appendTo(t *testing.T, s firn.Store, stream string, n int) firn.Position {
	t.Helper()
	drafts := make([]firn.Draft, n)
	for i := range drafts {
		drafts[i] = firn.Draft{Type: "T", Data: []byte("{}")}
	}
	done, err := s.Append(t.Context(), firn.To(stream, firn.Any, drafts...))
	if err != nil {
		t.Fatal(err)
	}
	return done.Position
}

// take takes n deliveries.
func take(t *testing.T, c firn.Consumer, n int) (all []firn.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for d, err := range c.Deliveries(ctx) {
		if err != nil {
			t.Fatalf("after %d deliveries: %v", len(all), err)
		}
		if all = append(all, d); len(all) == n {
			return all
		}
	}
	t.Fatalf("the deliveries ended after %d", len(all))
	return nil
}

func answer(t *testing.T, c firn.Consumer, outcome firn.Outcome, ds ...firn.Delivery) {
	t.Helper()
	for _, d := range ds {
		if err := c.Settle(t.Context(), firn.Settlement{Token: d.Token, Outcome: outcome, Reason: "no reason"}); err != nil {
			t.Fatal(err)
		}
	}
}

func join(t *testing.T, s firn.Groups, name string) firn.Consumer {
	t.Helper()
	c, err := s.Consume(t.Context(), name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A group is made, consumed and changed; the node is closed and opened again in
// the middle, and the group goes on where it was.
func TestEmbeddedGroup(t *testing.T) {
	dir := t.TempDir()
	open := func() *Embedded {
		t.Helper()
		e, err := Embed(dir, EmbedOptions{CacheBytes: 32 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := open()
	ctx := t.Context()
	last := appendTo(t, e, "order-1", 3)
	appendTo(t, e, "other", 2)
	if _, err := e.CreateGroup(ctx, firn.Group{Name: "g", Category: "order"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.CreateGroup(ctx, firn.Group{Name: "g", Category: "order"}); !errors.Is(err, firn.ErrAlreadyExists) {
		t.Errorf("created again: %v", err)
	}
	c := join(t, e, "g")
	d := take(t, c, 1)
	answer(t, c, firn.Ack, d...)
	if err := c.Settle(ctx, firn.Settlement{Token: d[0].Token, Outcome: firn.Ack}); !errors.Is(err, firn.ErrStale) {
		t.Errorf("settled again: %v", err)
	}
	answer(t, c, firn.Park, take(t, c, 1)...)
	if parked, err := e.WaitGroup(ctx, "g", last); parked != 1 || err != nil {
		t.Errorf("waited: %d parked, %v", parked, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	e = open()
	for p, err := range e.Parked(ctx, "g") {
		if err != nil || p.Stream != "order-1" || p.Revision != 1 || p.Reason != "no reason" || p.Attempts != 1 || p.Behind != 1 || p.Type != "T" || p.ID.IsZero() {
			t.Errorf("parked: %+v, %v", p, err)
		}
	}
	if n, err := e.Replay(ctx, "g", firn.ParkedSelection{All: true}); n != 1 || err != nil {
		t.Errorf("replayed: %d, %v", n, err)
	}
	c = join(t, e, "g")
	for want := firn.Revision(1); want <= 2; want++ {
		d := take(t, c, 1)
		if d[0].Event.Revision != want || !d[0].Replay {
			t.Errorf("delivered %+v, want revision %d again", d[0], want)
		}
		answer(t, c, firn.Ack, d...)
	}
	info, err := e.GroupInfo(ctx, "g")
	if err != nil || info.Lag != 0 || !info.LagExact || info.Parked != 0 || info.Passed < last || info.Consumers != 1 {
		t.Errorf("info: %+v, %v", info, err)
	}
	dry, err := e.Rewind(ctx, "g", firn.StartPoint(), true)
	if err != nil || dry.Redelivered != 3 {
		t.Errorf("a dry run: %+v, %v", dry, err)
	}
	if wet, err := e.Rewind(ctx, "g", firn.StartPoint(), false); err != nil || wet != dry {
		t.Errorf("rewound: %+v, %v; the dry run said %+v", wet, err, dry)
	}
	if d := take(t, c, 1); d[0].Event.Revision != 0 || !d[0].Replay {
		t.Errorf("after it was rewound: %+v", d[0])
	}
	groups, err := e.Groups(ctx)
	if err != nil || len(groups) != 1 || groups[0].Category != "order" || groups[0].MaxAttempts != 10 {
		t.Errorf("groups: %+v, %v", groups, err)
	}
	groups[0].MaxAttempts = 3
	if _, err := e.UpdateGroup(ctx, groups[0]); err != nil {
		t.Error(err)
	}
	groups[0].Category = "other"
	if _, err := e.UpdateGroup(ctx, groups[0]); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("updated to follow something else: %v", err)
	}
	if _, err := e.DeleteGroup(ctx, "g"); err != nil {
		t.Error(err)
	}
	for _, err := range c.Deliveries(ctx) {
		if !errors.Is(err, firn.ErrNotFound) {
			t.Errorf("a delivery of a group that is deleted: %v", err)
		}
	}
	for _, err := range map[string]error{
		"info": func() error { _, err := e.GroupInfo(ctx, "g"); return err }(),
		"wait": func() error { _, err := e.WaitGroup(ctx, "g", 1); return err }(),
		"drop": func() error { _, err := e.Drop(ctx, "g", firn.ParkedSelection{All: true}); return err }(),
	} {
		if !errors.Is(err, firn.ErrNotFound) {
			t.Errorf("of a group that is deleted: %v", err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
