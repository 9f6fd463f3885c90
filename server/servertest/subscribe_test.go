package servertest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// TestSubscriptionsOutliveNodes stops and starts every node in turn, the leader
// not excepted, while events are appended and followed. Each subscriber makes
// one call, and gets every event once, in order.
func TestSubscriptionsOutliveNodes(t *testing.T) {
	t.Parallel()
	c := calm(t)
	db := c.Dial()
	var followers []*follower
	var followed sync.WaitGroup
	for what, q := range map[string]firn.Query{
		"everything": {All: true}, "a category": {Category: "a"}, "a stream": {Stream: "b-1"}, "a rare type": {All: true, Types: []string{"End"}},
	} {
		for range 2 {
			f := &follower{t: t, db: db, what: what, q: q}
			followers = append(followers, f)
			followed.Go(f.run)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	appended := make(chan error)
	go func() { appended <- appendUntil(ctx, t, db) }()
	for i := range 3 {
		c.Stop(i)
		c.Run(i)
		c.AwaitReady()
	}
	stop()
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	if _, err := db.Append(t.Context(), firn.To("a-end", firn.None, firn.Draft{Type: "End"}), firn.To("b-1", firn.Any, firn.Draft{Type: "End"})); err != nil {
		t.Fatal(err)
	}
	followed.Wait()
	for _, f := range followers {
		f.compare()
	}
}

// appendUntil appends to streams of two categories until ctx ends.
func appendUntil(ctx context.Context, t *testing.T, db *client.Client) error {
	for i := 0; ctx.Err() == nil; i++ {
		_, err := db.Append(t.Context(),
			firn.To(fmt.Sprintf("a-%d", i%3), firn.Any, firn.Draft{Type: "T"}, firn.Draft{Type: "T"}),
			firn.To(fmt.Sprintf("b-%d", i%2), firn.Any, firn.Draft{Type: "T"}))
		if err != nil {
			return err
		}
	}
	return nil
}

// follower makes one call of Subscribe and takes down what it yields, until an
// event that says that it is the last.
type follower struct {
	t      *testing.T
	db     *client.Client
	what   string
	q      firn.Query
	events []firn.Event
	failed error
}

func (f *follower) run() {
	for m, err := range f.db.Subscribe(f.t.Context(), f.q) {
		if err != nil {
			f.failed = err
			return
		}
		if m.Mark == nil {
			f.events = append(f.events, m.Event)
			if m.Event.Type == "End" && (f.q.Category != "" || m.Event.AppendEnd()) {
				return
			}
		}
	}
}

// compare holds what came against what a read shows.
func (f *follower) compare() {
	f.t.Helper()
	if f.failed != nil {
		f.t.Errorf("the subscription to %s ended: %v", f.what, f.failed)
		return
	}
	n := 0
	for e, err := range f.db.Read(f.t.Context(), f.q) {
		if err != nil {
			f.t.Fatal(err)
		}
		if n == len(f.events) || f.events[n].Position != e.Position || f.events[n].ID != e.ID {
			f.t.Errorf("the subscription to %s differs from a read at its event %d of %d, position %d", f.what, n, len(f.events), e.Position)
			return
		}
		n++
	}
	if n != len(f.events) {
		f.t.Errorf("the subscription to %s yielded %d events, a read shows %d", f.what, len(f.events), n)
	}
	f.t.Logf("%d events came to the subscription to %s", n, f.what)
}
