package projection_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

// second is counting in a new shape: counts has the sum of positions in the
// place of the revisions', and there is a table more.
func second() projection.Projection {
	p := counting(everything)
	p.Version, p.Tables = 2, []string{"counts", "types"}
	p.Setup = func(ctx context.Context, tx *projection.Tx) error {
		for _, text := range []string{
			`CREATE TABLE {counts} (stream TEXT PRIMARY KEY, positions BIGINT NOT NULL)`,
			`CREATE INDEX {counts}_by_positions ON {counts} (positions)`,
			`CREATE TABLE {types} (type TEXT NOT NULL, stream TEXT NOT NULL REFERENCES {counts} (stream))`,
		} {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	}
	p.Otherwise = func(ctx context.Context, tx *projection.Tx, e firn.Event, _ projection.Info) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO {counts} (stream, positions) VALUES ($1, $2)
			ON CONFLICT (stream) DO UPDATE SET positions = {counts}.positions + excluded.positions`, e.Stream, int64(e.Position)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO {types} (type, stream) VALUES ($1, $2)`, e.Type, e.Stream)
		return err
	}
	return p
}

func number(t *testing.T, db *sql.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func tables(t *testing.T, db *sql.DB, names ...string) string {
	t.Helper()
	var there []string
	for _, name := range names {
		if rows, err := db.Query(`SELECT * FROM ` + name); err == nil {
			rows.Close()
			there = append(there, name)
		}
	}
	return strings.Join(there, " ")
}

// A program with a higher version builds its tables while those of the older one
// serve and are fed, replaces them, and the older program ends. It cannot come back.
func TestHigherVersionReplaces(t *testing.T) {
	dsn := database(t)
	s, db := filled(t), connect(t, dsn)
	older := run(t, runner(t, db, s, counting(everything), quick))
	passed(t, older.Runner, 30)

	source := behind{s, 24, make(chan struct{})}
	newer := run(t, runner(t, connect(t, dsn), source, second(), quick))
	until(t, "the newer one has come to 24", func() bool { return newer.Progress().Position == 24 })
	passed(t, older.Runner, add(t, s, "Counted", "thing-1"))
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error("while the newer one builds: ", d)
	}
	if p := newer.Progress(); !p.Building || p.Set != 2 {
		t.Errorf("the newer one is at %+v", p)
	}
	close(source.letGo)
	if err := <-older.ended; !errors.Is(err, projection.ErrSuperseded) {
		t.Errorf("the older one returned %v", err)
	}
	passed(t, newer.Runner, add(t, s, "Counted", "thing-new"))
	if got := number(t, db, `SELECT positions FROM counts WHERE stream = 'thing-new'`); got != 32 {
		t.Errorf("the new table shows %d, want 32", got)
	}
	if got := number(t, db, `SELECT COUNT(*) FROM types`); got != 32 {
		t.Errorf("the new table has %d rows, want 32", got)
	}
	if err := <-run(t, runner(t, db, s, counting(everything), quick)).ended; !errors.Is(err, projection.ErrSuperseded) {
		t.Errorf("started again, the older one returned %v", err)
	}
	until(t, "the old table is dropped", func() bool {
		return tables(t, db, "counts_1", "counts_2", "types_2") == "counts_2 types_2"
	})
}

// The tables are rebuilt in the same version while their runner goes on with the
// old ones, then with the new ones.
func TestRebuild(t *testing.T) {
	s, db := filled(t), connect(t, database(t))
	r := run(t, runner(t, db, s, counting(everything), quick))
	passed(t, r.Runner, 30)
	if _, err := db.Exec(`UPDATE counts_1 SET events = 1000`); err != nil { // somebody's mistake
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				s.Append(context.Background(), firn.To(fmt.Sprintf("thing-%d", i%4), firn.Any, firn.Draft{Type: "Counted"}))
			}
		}
	}()
	if err := r.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(stop)
	<-stopped
	passed(t, r.Runner, add(t, s, "Counted", "thing-1"))
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
	until(t, "the old table is dropped", func() bool { return tables(t, db, "counts_1", "counts_2") == "counts_2" })
	until(t, "the runner has moved", func() bool { return r.Progress().Set == 2 })
}

// A rebuild that was cut off goes on where it was, and one that nothing serves
// beside makes the first set.
func TestRebuildGoesOn(t *testing.T) {
	s, db := filled(t), connect(t, database(t))
	p := counting(everything)
	count, handled := p.Otherwise, 0
	ctx, cancel := context.WithCancel(t.Context())
	p.Otherwise = func(ctx context.Context, tx *projection.Tx, e firn.Event, info projection.Info) error {
		if handled++; handled == 20 {
			cancel()
		}
		return count(ctx, tx, e, info)
	}
	if err := runner(t, db, s, p, quick).Rebuild(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("the rebuild that was cut off returned %v", err)
	}
	if got := tables(t, db, "counts", "counts_1"); got != "counts_1" {
		t.Errorf("there are %q, want counts_1", got)
	}
	handled = 1000
	if err := runner(t, db, s, p, quick).Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if handled >= 1030 {
		t.Errorf("%d events were handled again, which is all of them", handled-1000)
	}
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
}

// A read model fed before a restore does not go on unawares. A rebuild mends it.
func TestOtherHistory(t *testing.T) {
	s, db := &source{Store: filled(t), history: firn.NewID()}, connect(t, database(t))
	r := run(t, runner(t, db, s, counting(everything), quick))
	passed(t, r.Runner, 30)
	r.stop()

	s.history, s.Store = firn.NewID(), firn.Memory()
	for i := range 40 {
		add(t, s, "Counted", fmt.Sprintf("other-%d", i%3))
	}
	err := <-run(t, runner(t, db, s, counting(everything), quick)).ended
	if !errors.Is(err, firn.ErrOtherHistory) || !strings.Contains(err.Error(), "Rebuild") {
		t.Fatalf("after the restore the runner returned %v", err)
	}
	if d := shown(t, db).diff(fold(t, filled(t), everything)); d != "" {
		t.Error("the old model changed: ", d)
	}
	if err := r.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	passed(t, run(t, runner(t, db, s, counting(everything), quick)).Runner, 40)
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
}

// behind shows a store only up to a position, until it is let go.
type behind struct {
	firn.Store
	at    firn.Position
	letGo chan struct{}
}

func (b behind) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return func(yield func(firn.Message, error) bool) {
		for message, err := range b.Store.Subscribe(ctx, q) {
			if err == nil && message.Mark == nil && message.Event.Position > b.at {
				select {
				case <-b.letGo:
				default:
					if !yield(firn.Message{Mark: &firn.Mark{Kind: firn.CaughtUp, At: b.at}}, nil) {
						return
					}
					<-b.letGo
				}
			}
			if !yield(message, err) {
				return
			}
		}
	}
}

// A set that has caught up does not replace one that is ahead of it: who has
// waited for a position would find the tables without it.
func TestReplacementGoesNotBack(t *testing.T) {
	dsn := database(t)
	s := filled(t)
	older := run(t, runner(t, connect(t, dsn), s, counting(everything), quick))
	passed(t, older.Runner, 30)
	source := behind{s, 24, make(chan struct{})}
	replacedAt := make(chan firn.Position, 1)
	options := quick
	var letGo, replaced sync.Once
	options.OnProgress = func(p projection.Progress) {
		if p.Building && p.CaughtUp {
			letGo.Do(func() { time.AfterFunc(50*time.Millisecond, func() { close(source.letGo) }) }) // time to do it wrong
		}
		if p.Set == 2 && !p.Building {
			replaced.Do(func() { replacedAt <- p.Position })
		}
	}
	run(t, runner(t, connect(t, dsn), source, second(), options))
	if at := <-replacedAt; at < 30 {
		t.Errorf("the new tables replaced the old ones at position %d, behind their 30", at)
	}
}
