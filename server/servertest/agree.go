package servertest

import (
	"context"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
)

// Agree waits until each of the nodes has applied all that is committed now,
// holds what they have against each other, event by event, verifies each, and
// returns the log.
func Agree(t testing.TB, db *client.Client, addresses ...string) []firn.Event {
	t.Helper()
	return AgreeWith(t, client.Options{}, db, addresses...)
}

// AgreeWith is Agree with options for the connection to each node.
func AgreeWith(t testing.TB, o client.Options, db *client.Client, addresses ...string) []firn.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	head, _, err := db.Head(ctx, firn.Consistency{})
	if err != nil {
		t.Fatalf("asking for the head: %v", err)
	}
	replicas := make([]check.Replica, len(addresses))
	for i, address := range addresses {
		replicas[i] = check.Replica{Name: "the node at " + address, Log: nodeEvents(ctx, t, o, address, head)}
	}
	if err := check.Same(replicas); err != nil {
		t.Error(err)
	}
	return replicas[0].Log
}

// nodeEvents returns everything that the node at the address itself has, once it
// has come to head, and verifies the node.
func nodeEvents(ctx context.Context, t testing.TB, o client.Options, address string, head firn.Position) []firn.Event {
	t.Helper()
	db := dial(ctx, t, address, o)
	for {
		_, _, err := db.Head(ctx, firn.Consistency{AtLeast: head})
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("the node at %s has not come to position %d: %v", address, head, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	var log []firn.Event
	for e, err := range db.Read(ctx, firn.Query{All: true, System: true, Consistency: firn.Consistency{Local: true}}) {
		if err != nil {
			t.Fatalf("reading all of the node at %s: %v", address, err)
		}
		log = append(log, e)
	}
	report, err := db.Verify(ctx, address, nil)
	if err != nil {
		t.Errorf("verifying the node at %s: %v", address, err)
	}
	for _, f := range report.Faults {
		t.Errorf("the node at %s breaks invariant %d: %s", address, f.Invariant, f.Text)
	}
	return log
}
