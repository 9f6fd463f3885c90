package projection_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

// A runner that was taken for dead, and is not, changes nothing more: it finds
// the checkpoint in another's hands before it touches a table.
func TestLoserChangesNothing(t *testing.T) {
	s, db := firn.Memory(), connect(t, database(t))
	options := quick
	options.Takeover = time.Hour // nobody takes over by himself, and no pulse notices
	r := run(t, runner(t, db, s, counting(everything), options))
	passed(t, r.Runner, add(t, s, "Counted", "thing-1"))

	if _, err := db.Exec(`UPDATE firn_projections SET run = $1`, firn.NewID().String()); err != nil {
		t.Fatal(err)
	}
	at := add(t, s, "Counted", "thing-1")
	until(t, "the runner stands by", func() bool { return r.Progress().Standby })
	if d := shown(t, db).diff(counts{"thing-1": {1, 0}}); d != "" {
		t.Error("after it had lost its place: ", d)
	}
	other := options
	other.Takeover = time.Millisecond
	passed(t, run(t, runner(t, db, s, counting(everything), other)).Runner, at)
	if d := shown(t, db).diff(counts{"thing-1": {2, 1}}); d != "" {
		t.Error("after another had taken over: ", d)
	}
}

// Runners that take the place from each other all the time apply each event
// once among them. They wait for nobody, so that what holds them off is the
// condition in the database alone.
func TestRunnersStealFromEachOther(t *testing.T) {
	dsn := database(t)
	s := firn.Memory()
	for i := range 400 {
		add(t, s, "Counted", fmt.Sprintf("thing-%d", i%7), fmt.Sprintf("thing-%d", i%3))
	}
	options := quick
	options.Takeover = 10 * time.Nanosecond
	options.Attempts = 1000
	var all []*running
	for range 3 {
		all = append(all, run(t, runner(t, connect(t, dsn), s, counting(everything), options)))
	}
	db := connect(t, dsn)
	passed(t, all[0].Runner, 800)
	passed(t, all[1].Runner, add(t, s, "Counted", "thing-1"))
	for _, r := range all {
		r.stop()
	}
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
}

// One that stands by takes over at once from one that stops, and after a while
// from one that was killed. Readers elsewhere wait by the checkpoint.
func TestStandby(t *testing.T) {
	dsn := database(t)
	s := firn.Memory()
	first := run(t, runner(t, connect(t, dsn), s, counting(everything), quick))
	passed(t, first.Runner, add(t, s, "Counted", "thing-1"))
	second := run(t, runner(t, connect(t, dsn), s, counting(everything), quick))
	until(t, "the second stands by", func() bool { return second.Progress().Standby })
	passed(t, second.Runner, add(t, s, "Counted", "thing-2"))
	if !second.Progress().Standby || first.Progress().Standby {
		t.Errorf("the first: %+v, the second: %+v", first.Progress(), second.Progress())
	}
	first.stop()
	db := connect(t, dsn)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := projection.WaitFor(ctx, db, "counting", add(t, s, "Counted", "thing-3")); err != nil {
		t.Fatal(err)
	}
	until(t, "the second projects", func() bool { return !second.Progress().Standby })
	second.stop()

	// As a runner leaves it that is killed.
	if _, err := db.Exec(`UPDATE firn_projections SET run = $1`, firn.NewID().String()); err != nil {
		t.Fatal(err)
	}
	third := run(t, runner(t, db, s, counting(everything), quick))
	passed(t, third.Runner, add(t, s, "Counted", "thing-4"))
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
}
