package projection_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

var everything = firn.Query{All: true}

// A runner catches up, follows, is stopped, and goes on where it was.
func TestRun(t *testing.T) {
	s, db := firn.Memory(), connect(t, database(t))
	for i := range 50 {
		add(t, s, "Counted", fmt.Sprintf("thing-%d", i%5), fmt.Sprintf("thing-%d", i%3))
	}
	r := run(t, runner(t, db, s, counting(everything), quick))
	passed(t, r.Runner, 100)
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
	passed(t, r.Runner, add(t, s, "Counted", "thing-9"))
	if err := r.stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("a runner that was stopped returned %v", err)
	}
	add(t, s, "Counted", "thing-9", "thing-10")
	r = run(t, runner(t, db, s, counting(everything), quick))
	passed(t, r.Runner, 103)
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
	if p := r.Progress(); p.Set != 1 || p.Standby || p.Building || p.Position != 103 || p.Lag() != 0 {
		t.Errorf("the progress is %+v", p)
	}
}

// Handlers are chosen by type; what nobody handles is not even asked for, and
// is passed nevertheless. They hear whether the event was there before.
func TestHandlers(t *testing.T) {
	s, db := firn.Memory(), connect(t, database(t))
	add(t, s, "Placed", "order-1")
	add(t, s, "Ignored", "order-1")
	if _, err := s.Change(t.Context(), "order-1", firn.Any, firn.Truncate{Before: 1}); err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 10)
	p := counting(firn.Query{Category: "order"})
	count := p.Otherwise
	p.Otherwise = nil
	p.On = map[string]projection.Handler{"Placed": func(ctx context.Context, tx *projection.Tx, e firn.Event, info projection.Info) error {
		heard <- fmt.Sprint(e.Type, " ", e.Position, " replaying ", info.Replaying, " set ", info.Set, " in ", tx.Table("counts"))
		return count(ctx, tx, e, info)
	}}
	p.OnLife = func(ctx context.Context, tx *projection.Tx, mark firn.Mark, info projection.Info) error {
		heard <- fmt.Sprintf("%T %s replaying %v", mark.Life, mark.Stream, info.Replaying)
		_, err := tx.ExecContext(ctx, `DELETE FROM {counts} WHERE stream = $1`, mark.Stream)
		return err
	}
	add(t, s, "Placed", "order-2", "other-1")
	r := run(t, runner(t, db, s, p, quick))
	passed(t, r.Runner, 5)
	add(t, s, "Placed", "order-3")
	passed(t, r.Runner, add(t, s, "Ignored", "order-3", "order-4"))
	at, err := s.Change(t.Context(), "order-2", firn.Any, firn.Delete{})
	if err != nil {
		t.Fatal(err)
	}
	passed(t, r.Runner, at)
	for _, want := range []string{
		"firn.Truncate order-1 replaying true",
		"Placed 4 replaying true set 1 in counts_1",
		"Placed 6 replaying false set 1 in counts_1",
		"firn.Delete order-2 replaying false",
	} {
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	if d := shown(t, db).diff(counts{"order-3": {1, 0}}); d != "" {
		t.Error(d)
	}
}

// What an append wrote comes in one transaction, even if an append is larger
// than a batch may be and the filter leaves its last events out.
func TestAppendIsNotTorn(t *testing.T) {
	s, db := firn.Memory(), connect(t, database(t))
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("order-%d", i))
	}
	for n := range 20 {
		add(t, s, "Placed", append(names[:1+n:1+n], "other-1", "other-2")...)
	}
	transactions := map[firn.Position]*projection.Tx{} // by the first position of the append
	sizes := map[*projection.Tx]int{}
	p := counting(firn.Query{Category: "order"})
	count := p.Otherwise
	p.Otherwise = func(ctx context.Context, tx *projection.Tx, e firn.Event, info projection.Info) error {
		first := e.Position - firn.Position(e.Index)
		if former := transactions[first]; former != nil && former != tx {
			t.Errorf("the append at position %d was divided", first)
		}
		transactions[first] = tx
		sizes[tx]++
		return count(ctx, tx, e, info)
	}
	r := run(t, runner(t, db, s, p, quick))
	head, _, err := s.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	passed(t, r.Runner, head)
	// Nothing follows this one that would tell that the append is over.
	passed(t, r.Runner, add(t, s, "Placed", "order-1", "order-2", "other-1"))
	if err := r.stop(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if d := shown(t, db).diff(fold(t, s, p.Query)); d != "" {
		t.Error(d)
	}
	for tx, n := range sizes {
		appends := 0
		for _, its := range transactions {
			if its == tx {
				appends++
			}
		}
		if n > quick.BatchEvents && appends > 1 {
			t.Errorf("a transaction has %d events of %d appends, where %d events are the bound", n, appends, quick.BatchEvents)
		}
	}
}

// A projection may begin later than the store, also at a point yet to come: what
// is before it is left out by every run, and passed, whether it was there when
// the run began or came afterwards.
func TestBeginsLater(t *testing.T) {
	s, db := firn.Memory(), connect(t, database(t))
	q := firn.Query{All: true, From: firn.PositionPoint(8)}
	for i := range 5 {
		r := run(t, runner(t, db, s, counting(q), quick))
		if i%2 == 1 {
			until(t, "caught up", func() bool { return r.Progress().CaughtUp })
		}
		passed(t, r.Runner, add(t, s, "Counted", "thing-1", "thing-2"))
		r.stop()
	}
	if d := shown(t, db).diff(counts{"thing-1": {1, 4}, "thing-2": {2, 7}}); d != "" {
		t.Error(d)
	}
}

// All faults of a projection are named at once.
func TestNewNamesFaults(t *testing.T) {
	_, err := projection.New(nil, nil, projection.Projection{
		Name: "Orders!", Query: firn.Query{All: true, Limit: 3, From: firn.EndPoint()},
	}, projection.Options{BatchEvents: -1})
	if !errors.Is(err, firn.ErrInvalid) {
		t.Fatalf("the error is %v", err)
	}
	for _, part := range []string{`"Orders!"`, "Tables", "Setup", "no handler", "limit", "the end", "BatchEvents is -1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}
