package servertest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// TestHistoryIsNotKnownYet: a node that was killed, and is alone, does not know
// the history of its store. To whoever goes on from a position noted in it, it is
// unavailable until it does, and no other store.
func TestHistoryIsNotKnownYet(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	append1(t, db, "order-1")
	mark := caughtUp(t, db, firn.Query{All: true, From: firn.StartPoint()})
	append1(t, db, "order-2")
	for i := range 3 {
		p.Kill(i)
	}
	p.Run(2)
	q := firn.Query{All: true, From: firn.PositionPoint(mark.At + 1), History: mark.History, Consistency: firn.Consistency{Local: true}}
	hasty := servertest.Dial(t, p.Address(2), client.Options{Timeout: time.Second})
	for _, err := range hasty.Subscribe(t.Context(), q) {
		if !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("a subscription ends with %v, want %v", err, firn.ErrUnavailable)
		}
		break
	}
	for _, err := range hasty.Read(t.Context(), q) {
		if !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("a read ends with %v, want %v", err, firn.ErrUnavailable)
		}
		break
	}
	p.Run(0)
	p.Run(1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for m, err := range servertest.Dial(t, p.Address(2), client.Options{}).Subscribe(ctx, q) {
		if err == nil && m.Mark != nil {
			continue // it may know its history before it has the event
		}
		if err != nil || m.Event.Stream != "order-2" {
			t.Errorf("%+v, %v; want the event of order-2", m, err)
		}
		break
	}
}
