package projection_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// Over TCP, from three nodes, one of which is stopped on the way and its
// leadership with it.
func TestCluster(t *testing.T) {
	cluster := servertest.Start(t, 3)
	s, db := cluster.Dial(), connect(t, database(t))
	q := firn.Query{Category: "order"}
	for i := range 100 {
		add(t, s, "Placed", fmt.Sprintf("order-%d", i%10), fmt.Sprintf("other-%d", i%3))
	}
	r := run(t, runner(t, db, s, counting(q), quick))
	for i := range 100 {
		if i == 50 {
			cluster.Stop(cluster.Leader())
		}
		at := add(t, s, "Placed", fmt.Sprintf("order-%d", i%10), fmt.Sprintf("other-%d", i%3))
		if i%25 == 0 {
			passed(t, r.Runner, at)
		}
	}
	passed(t, r.Runner, add(t, s, "Placed", "other-1"))
	if d := shown(t, db).diff(fold(t, s, q)); d != "" {
		t.Error(d)
	}
	// The checkpoint carries the store's history, and the node holds it against its own.
	r.stop()
	if _, err := db.Exec(`UPDATE firn_projections SET history = $1`, firn.NewID().String()); err != nil {
		t.Fatal(err)
	}
	if err := <-run(t, runner(t, db, s, counting(q), quick)).ended; !errors.Is(err, firn.ErrOtherHistory) {
		t.Errorf("with the checkpoint of another store the runner returned %v", err)
	}
}

// In the process of the store itself, which is closed and opened between.
func TestEmbedded(t *testing.T) {
	dir, db := t.TempDir(), connect(t, database(t))
	for i := range 3 {
		s, err := server.Embed(dir, server.EmbedOptions{CacheBytes: 32 << 20})
		if err != nil {
			t.Fatal(err)
		}
		r := run(t, runner(t, db, s, counting(everything), quick))
		for range 10 {
			add(t, s, "Counted", "thing-1", fmt.Sprintf("thing-%d", i))
		}
		passed(t, r.Runner, firn.Position(20*(i+1)))
		r.stop()
		if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
			t.Error(d)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A source that is away is asked again, for as long as it takes; Progress says so.
func TestSourceAway(t *testing.T) {
	cluster := servertest.Start(t, 1)
	s, db := cluster.Dial(), connect(t, database(t))
	impatient := servertest.Dial(t, cluster.Address(0), client.Options{Timeout: 200 * time.Millisecond})
	r := run(t, runner(t, db, impatient, counting(everything), quick))
	passed(t, r.Runner, add(t, s, "Counted", "thing-1"))
	cluster.Stop(0)
	until(t, "the runner says what hinders it", func() bool { return r.Progress().Hindered != nil })
	cluster.Run(0)
	cluster.AwaitReady()
	passed(t, r.Runner, add(t, s, "Counted", "thing-2"))
	until(t, "nothing hinders it", func() bool { return r.Progress().Hindered == nil })
}
