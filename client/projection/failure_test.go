package projection_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

// failing makes the handler fail at a position, the given number of times.
func failing(p projection.Projection, at firn.Position, times int) (projection.Projection, func() (attempts []int)) {
	var mu sync.Mutex
	var attempts []int
	count := p.Otherwise
	p.Otherwise = func(ctx context.Context, tx *projection.Tx, e firn.Event, info projection.Info) error {
		if err := count(ctx, tx, e, info); err != nil {
			return err
		}
		if e.Position != at {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if attempts = append(attempts, info.Attempt); len(attempts) <= times {
			return fmt.Errorf("failure %d", len(attempts))
		}
		return nil
	}
	return p, func() []int {
		mu.Lock()
		defer mu.Unlock()
		return attempts
	}
}

func filled(t *testing.T) firn.Store {
	s := firn.Memory()
	for i := range 10 {
		add(t, s, "Counted", fmt.Sprintf("thing-%d", i), fmt.Sprintf("thing-%d", i%2), "thing-1")
	}
	return s
}

// A handler that fails for a while is tried again; nothing is counted twice.
func TestHandlerFailsForAWhile(t *testing.T) {
	s, db := filled(t), connect(t, database(t))
	p, attempts := failing(counting(everything), 14, 3)
	r := run(t, runner(t, db, s, p, quick))
	if n := passed(t, r.Runner, 30); n != 0 {
		t.Errorf("%d events are said to be set aside", n)
	}
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
	if got := fmt.Sprint(attempts()); got != "[1 2 3 4]" {
		t.Errorf("the attempts were %v", got)
	}
}

// A handler that goes on failing stops the runner, which names the event. What
// is before its append has been applied, nothing of the append. Corrected, the
// projection goes on there.
func TestHandlerFailsForGood(t *testing.T) {
	s, db := filled(t), connect(t, database(t))
	p, _ := failing(counting(everything), 14, 1000)
	err := <-run(t, runner(t, db, s, p, quick)).ended
	var failed *projection.HandlerError
	if !errors.As(err, &failed) {
		t.Fatalf("the runner returned %v", err)
	}
	if failed.Position != 14 || failed.Stream != "thing-0" || failed.Revision != 3 || failed.Type != "Counted" || failed.Attempts != quick.Attempts || failed.ID.IsZero() || failed.Err.Error() != "failure 4" {
		t.Errorf("the error is %+v", failed)
	}
	want := fold(t, s, firn.Query{All: true, Bound: firn.PositionPoint(12)})
	if d := shown(t, db).diff(want); d != "" {
		t.Error("what the runner left: ", d)
	}
	passed(t, run(t, runner(t, db, s, counting(everything), quick)).Runner, 30)
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
}

// Set aside, the event alone is left out, what the handler had begun to change
// is not there, and waiting tells that something is missing.
func TestSetAside(t *testing.T) {
	s, db := filled(t), connect(t, database(t))
	p, _ := failing(counting(everything), 14, 1000)
	options := quick
	options.SetAside = true
	r := run(t, runner(t, db, s, p, options))
	if n := passed(t, r.Runner, 30); n != 1 {
		t.Errorf("%d events are said to be set aside, want 1", n)
	}
	if n := passed(t, r.Runner, 13); n != 0 {
		t.Errorf("%d events up to position 13 are said to be set aside", n)
	}
	want := counts{}
	for e, err := range s.Read(t.Context(), everything) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Position != 14 {
			want.add(e)
		}
	}
	if d := shown(t, db).diff(want); d != "" {
		t.Error(d)
	}
	failed, err := r.Failed(t.Context())
	if err != nil || len(failed) != 1 {
		t.Fatalf("set aside are %+v, %v", failed, err)
	}
	if f := failed[0]; f.Position != 14 || f.Stream != "thing-0" || f.Revision != 3 || f.Type != "Counted" || f.Attempts != quick.Attempts || f.ID.IsZero() || f.Error != "failure 4" {
		t.Errorf("set aside is %+v", f)
	}
}
