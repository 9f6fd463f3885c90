package group_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/group"
)

// Events that were scavenged hold up nobody: what was to be delivered again is
// passed, what was parked is still listed, and can be dropped.
func TestScavenged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, firn.Group{Name: "g", All: true, Unordered: true, MaxAttempts: 3, RetryMin: time.Hour, RetryMax: time.Hour})
		w.append("a-1", 4)
		u := w.join(0)
		got := w.next(u, 4)
		w.settle(u, firn.RetryLater, got[0])
		w.settle(u, firn.Park, got[1])
		w.settle(u, firn.Ack, got[3]) // so that the third is open, and delivered anew by each leader
		w.append("filler-1", 40)
		w.depose()
		w.s.Apply(&command.Change{ID: firn.NewID(), Stream: []byte("a-1"), Expect: firn.Any, Life: firn.Truncate{Before: 4}})
		w.s.Apply(&command.Scavenge{ID: firn.NewID()})
		done, err := w.s.Engine().Sweep(t.Context(), func(context.Context, engine.Swept, uint64) error { return nil })
		if err != nil || done.Events != 4 {
			t.Fatalf("%+v, %v; want 4 events removed", done, err)
		}
		w.lead()
		u = w.join(0)
		for _, d := range w.next(u, 40) {
			if d.Stream != "filler-1" {
				t.Errorf("position %d of %s was delivered", d.Position, d.Stream)
			}
			w.settle(u, firn.Ack, d)
		}
		time.Sleep(2 * time.Hour)
		head, _ := w.s.Engine().Head()
		if parked, err := w.c.Wait(t.Context(), head); err != nil || parked != 1 {
			t.Errorf("waiting until the group has passed the head: %d are parked, %v; want 1", parked, err)
		}
		var listed []firn.ParkedEvent
		err = group.EachParked(w.s.Engine(), "g", func(a *command.Aside) bool {
			p, err := group.Parked(t.Context(), w.s.Engine(), &w.group, a)
			listed = append(listed, p)
			return err == nil
		})
		if err != nil || len(listed) != 1 || listed[0].Stream != "a-1" || listed[0].Revision != 1 || listed[0].Reason != "because" {
			t.Errorf("parked are %+v, %v", listed, err)
		}
		if n, err := w.c.Drop(t.Context(), firn.ParkedSelection{All: true}); n != 1 || err != nil {
			t.Errorf("dropped %d, %v", n, err)
		}
	})
}
