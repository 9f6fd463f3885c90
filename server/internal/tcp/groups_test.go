package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
)

// withGroup is a client of a door over a store that has a group, "g" on
// everything.
func withGroup(t *testing.T, o tcp.Options, g firn.Group) (*tcp.Server, *client.Client) {
	t.Helper()
	door := memoryDoor(t, o)
	db := dial(t, door.Addr().String(), clientOptions())
	g.Name, g.All = "g", true
	if _, err := db.CreateGroup(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	return door, db
}

// appendTo appends events of type T to streams, each by itself.
func appendTo(t *testing.T, db firn.Store, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		if _, err := db.Append(t.Context(), firn.To(stream, firn.Any, firn.Draft{Type: "T"})); err != nil {
			t.Fatal(err)
		}
	}
}

func consume(t *testing.T, db firn.Groups, inFlight uint32) firn.Consumer {
	t.Helper()
	c, err := db.Consume(t.Context(), "g", inFlight)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// deliveries takes so many from a consumer.
func deliveries(t *testing.T, c firn.Consumer, n int) (all []firn.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for d, err := range c.Deliveries(ctx) {
		if err != nil {
			t.Fatalf("after %d deliveries of %d: %v", len(all), n, err)
		}
		if all = append(all, d); len(all) == n {
			break
		}
	}
	return all
}

// places says which events were delivered, as stream and revision.
func places(all []firn.Delivery) (list []string) {
	for _, d := range all {
		list = append(list, fmt.Sprint(d.Event.Stream, "/", d.Event.Revision))
	}
	return list
}

func settle(t *testing.T, c firn.Consumer, outcome firn.Outcome, all ...firn.Delivery) {
	t.Helper()
	var answers []firn.Settlement
	for _, d := range all {
		answers = append(answers, firn.Settlement{Token: d.Token, Outcome: outcome, Reason: "because", Delay: time.Millisecond})
	}
	if err := c.Settle(t.Context(), answers...); err != nil {
		t.Fatal(err)
	}
}

// TestGroupCalls: what is asked of groups comes back as it went.
func TestGroupCalls(t *testing.T) {
	_, db := withGroup(t, tcp.Options{}, firn.Group{})
	g := firn.Group{
		Name: "billing", Category: "order", Types: []string{"A"}, TypePrefixes: []string{"B"}, StreamPrefixes: []string{"order-4"},
		From: firn.PositionPoint(3), Unordered: true, OnPark: firn.ParkContinues, MaxAttempts: 3, Lease: time.Minute, InFlight: 7,
		RetryMin: time.Millisecond, RetryMax: time.Second,
	}
	if _, err := db.CreateGroup(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if _, err := db.CreateGroup(t.Context(), g); !errors.Is(err, firn.ErrAlreadyExists) {
		t.Errorf("created again: %v", err)
	}
	if _, err := db.CreateGroup(t.Context(), firn.Group{Name: "n", All: true, Lease: -1}); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("a lease below 0: %v", err)
	}
	g.MaxAttempts = 4
	if _, err := db.UpdateGroup(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	all, err := db.Groups(t.Context())
	if err != nil || len(all) != 2 || all[1].Name != "g" || !reflect.DeepEqual(all[0], g) {
		t.Errorf("the groups are %+v (%v)", all, err)
	}
	appendTo(t, db, "order-1", "order-4")
	info, err := db.GroupInfo(t.Context(), "g")
	if err != nil || info.Lag != 2 || !info.LagExact || info.Head != 2 || info.Passed != 0 {
		t.Errorf("the group stands at %+v (%v)", info, err)
	}
	if r, err := db.Rewind(t.Context(), "g", firn.PositionPoint(1), true); err != nil || r != (firn.Rewound{From: 0, To: 1, Redelivered: 1}) {
		t.Errorf("rewinding would do %+v (%v)", r, err)
	}
	if _, err := db.DeleteGroup(t.Context(), "billing"); err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]func() error{
		"update": func() error { _, err := db.UpdateGroup(t.Context(), g); return err },
		"delete": func() error { _, err := db.DeleteGroup(t.Context(), g.Name); return err },
		"info":   func() error { _, err := db.GroupInfo(t.Context(), g.Name); return err },
		"parked": func() (err error) {
			for _, e := range db.Parked(t.Context(), g.Name) {
				err = e
			}
			return err
		},
		"consume": func() error { _, err := db.Consume(t.Context(), g.Name, 0); return err },
		"rewind":  func() error { _, err := db.Rewind(t.Context(), g.Name, firn.EndPoint(), false); return err },
		"replay": func() error {
			_, err := db.Replay(t.Context(), g.Name, firn.ParkedSelection{All: true})
			return err
		},
		"wait": func() error { _, err := db.WaitFor(t.Context(), g.Name, 1); return err },
	} {
		if err := call(); !errors.Is(err, firn.ErrNotFound) || !strings.Contains(err.Error(), g.Name) {
			t.Errorf("%s of a group that is not there: %v", what, err)
		}
	}
}
