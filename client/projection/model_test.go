package projection_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

func open(dsn string) (*sql.DB, error) { return sql.Open(driverName, dsn) }

func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// counting is a projection that a repeated or missing event spoils: it counts
// each stream's events and sums their revisions.
func counting(q firn.Query) projection.Projection {
	count := func(ctx context.Context, tx *projection.Tx, e firn.Event, _ projection.Info) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO {counts} (stream, events, revisions) VALUES ($1, 1, $2)
			ON CONFLICT (stream) DO UPDATE SET events = {counts}.events + 1, revisions = {counts}.revisions + excluded.revisions`,
			e.Stream, int64(e.Revision))
		return err
	}
	return projection.Projection{
		Name: "counting", Query: q, Tables: []string{"counts"},
		Setup: func(ctx context.Context, tx *projection.Tx) error {
			_, err := tx.ExecContext(ctx, `CREATE TABLE {counts} (stream TEXT PRIMARY KEY, events BIGINT NOT NULL, revisions BIGINT NOT NULL)`)
			return err
		},
		Otherwise: count,
	}
}

// counts is what counting has made of the events, or should have.
type counts map[string][2]int64

func (c counts) add(e firn.Event) {
	c[e.Stream] = [2]int64{c[e.Stream][0] + 1, c[e.Stream][1] + int64(e.Revision)}
}

func (c counts) diff(want counts) string {
	for _, stream := range slices.Sorted(maps.Keys(want)) {
		if c[stream] != want[stream] {
			return fmt.Sprintf("stream %s has [events, sum of revisions] %v, want %v", stream, c[stream], want[stream])
		}
	}
	if len(c) != len(want) {
		return fmt.Sprintf("%d streams, want %d", len(c), len(want))
	}
	return ""
}

// fold computes what the read model must be from the store itself.
func fold(t *testing.T, s firn.Store, q firn.Query) counts {
	t.Helper()
	all := counts{}
	for e, err := range s.Read(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all.add(e)
	}
	return all
}

// shown reads the model as its users do.
func shown(t *testing.T, db *sql.DB) counts {
	t.Helper()
	rows, err := db.Query(`SELECT stream, events, revisions FROM counts`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := counts{}
	for rows.Next() {
		var stream string
		var c [2]int64
		if err := rows.Scan(&stream, &c[0], &c[1]); err != nil {
			t.Fatal(err)
		}
		all[stream] = c
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// add appends one atomic append: each name gets an event of the type.
func add(t *testing.T, s firn.Store, typ string, streams ...string) firn.Position {
	t.Helper()
	writes := map[string]int{}
	var all []firn.Write
	for _, stream := range streams {
		at, known := writes[stream]
		if !known {
			at = len(all)
			writes[stream] = at
			all = append(all, firn.To(stream, firn.Any))
		}
		all[at].Drafts = append(all[at].Drafts, firn.Draft{Type: typ, Data: []byte(`{}`)})
	}
	done, err := s.Append(context.Background(), all...)
	if err != nil {
		t.Fatal(err)
	}
	return done.Position
}

// quick are options for tests: small batches, short waits.
var quick = projection.Options{
	BatchEvents: 7, Attempts: 4, RetryMin: time.Millisecond, RetryMax: 10 * time.Millisecond,
	Takeover: 200 * time.Millisecond, DropAfter: time.Millisecond,
}

func runner(t *testing.T, db *sql.DB, s projection.Source, p projection.Projection, o projection.Options) *projection.Runner {
	t.Helper()
	r, err := projection.New(db, s, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// running is a runner in a goroutine of its own.
type running struct {
	*projection.Runner
	cancel context.CancelFunc
	ended  chan error
}

// run starts a runner, and stops it when the test ends.
func run(t *testing.T, r *projection.Runner) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	x := &running{r, cancel, make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.ended <- r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return x
}

// stop ends the runner as a program does that is told to, and returns what Run
// has returned.
func (x *running) stop() error {
	x.cancel()
	return <-x.ended
}

// passed waits until the runner has passed a position.
func passed(t *testing.T, r *projection.Runner, p firn.Position) (setAside uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	setAside, err := r.WaitFor(ctx, p)
	if err != nil {
		t.Fatalf("waiting for position %d: %v; %+v", p, err, r.Progress())
	}
	return setAside
}

// until waits for what no channel tells.
func until(t *testing.T, what string, held func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !held(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}
