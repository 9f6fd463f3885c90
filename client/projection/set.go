package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/firndb/firn"
)

// The states of a table set, as written to the database.
const (
	building = "building" // being filled; nobody reads it
	serving  = "serving"  // the views show it
	retired  = "retired"  // was replaced; to be dropped
)

// errMoved says that a set is not what this run took it for: another runner has
// taken it over, or it was replaced or dropped.
var errMoved = errors.New("the table set was taken over or replaced")

// set is a row of firn_projections: one set of a projection's tables, with its
// checkpoint and the run that fills it.
type set struct {
	name     string
	number   int
	version  uint32
	state    string
	tables   []string
	history  firn.ID // zero: the source does not tell
	position firn.Position
	run      string // the run's id; "": nobody's
	beat     int64  // goes up while the run lives
}

func tableName(table string, set int) string { return fmt.Sprintf("%s_%d", table, set) }

// The statements are the same for PostgreSQL and SQLite. What two runners could
// do at once is decided by the conditions of UPDATE: PostgreSQL makes the later
// one wait for the row and judges it anew, SQLite lets one write at a time.
const (
	createSets = `CREATE TABLE IF NOT EXISTS firn_projections (
		name TEXT NOT NULL, set_number INTEGER NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL, tables TEXT NOT NULL,
		history TEXT NOT NULL, position BIGINT NOT NULL, run TEXT NOT NULL, beat BIGINT NOT NULL,
		PRIMARY KEY (name, set_number))`
	createOneServes = `CREATE UNIQUE INDEX IF NOT EXISTS firn_projections_serving ON firn_projections (name) WHERE state = 'serving'`
	createFailed    = `CREATE TABLE IF NOT EXISTS firn_projections_failed (
		name TEXT NOT NULL, set_number INTEGER NOT NULL, position BIGINT NOT NULL, stream TEXT NOT NULL, revision BIGINT NOT NULL,
		id TEXT NOT NULL, type TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL,
		PRIMARY KEY (name, set_number, position))`

	selectSets = `SELECT set_number, version, state, tables, history, position, run, beat FROM firn_projections WHERE name = $1 ORDER BY set_number`
	insertSet  = `INSERT INTO firn_projections (name, set_number, version, state, tables, history, position, run, beat) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`
	claimSet   = `UPDATE firn_projections SET run = $1, beat = beat + 1 WHERE name = $2 AND set_number = $3 AND state = $4 AND run = $5 AND position = $6 AND beat = $7`
	advanceSet = `UPDATE firn_projections SET position = $1, history = $2 WHERE name = $3 AND set_number = $4 AND state = $5 AND run = $6 AND position = $7`
	beatSet    = `UPDATE firn_projections SET beat = beat + 1 WHERE name = $1 AND set_number = $2 AND run = $3 AND state <> 'retired'`
	releaseSet = `UPDATE firn_projections SET run = '' WHERE name = $1 AND set_number = $2 AND run = $3`
	retireSet  = `UPDATE firn_projections SET state = 'retired' WHERE name = $1 AND state = 'serving' AND version <= $2 AND (position <= $3 OR history <> $4)`
	serveSet   = `UPDATE firn_projections SET state = 'serving' WHERE name = $1 AND set_number = $2 AND state = 'building' AND run = $3 AND position = $4`
	deleteSet  = `DELETE FROM firn_projections WHERE name = $1 AND set_number = $2 AND state = $3`
)

// createTables makes the runner's own tables, once. Two at once may fail on
// PostgreSQL, which then asks for another try.
func (r *Runner) createTables(ctx context.Context) error {
	if r.made.Load() {
		return nil
	}
	for _, text := range []string{createSets, createOneServes, createFailed} {
		if _, err := r.db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	r.made.Store(true)
	return nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// sets returns all sets of a projection, by number.
func sets(ctx context.Context, db querier, name string) ([]set, error) {
	rows, err := db.QueryContext(ctx, selectSets, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []set
	for rows.Next() {
		s := set{name: name}
		var tables, history string
		if err := rows.Scan(&s.number, &s.version, &s.state, &tables, &history, &s.position, &s.run, &s.beat); err != nil {
			return nil, err
		}
		s.tables = strings.Fields(tables)
		if err := s.history.UnmarshalText([]byte(history)); err != nil {
			return nil, fmt.Errorf("firn_projections, history of %s: %w", name, err)
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// oneServing returns the set that serves, or nil.
func oneServing(all []set) *set {
	for i := range all {
		if all[i].state == serving {
			return &all[i]
		}
	}
	return nil
}

// update runs an UPDATE or DELETE whose condition decides, and reports whether
// it held.
func update(ctx context.Context, db querier, text string, args ...any) (bool, error) {
	result, err := db.ExecContext(ctx, text, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// create makes the tables of a new set, and shows them at once where nothing
// serves yet.
func (p *Projection) create(ctx context.Context, db *sql.DB, number int, state string) error {
	return transact(ctx, db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, insertSet, p.Name, number, int64(p.Version), state, strings.Join(p.Tables, " "), firn.ID{}.String(), int64(0), ""); err != nil {
			return err
		}
		if err := p.Setup(ctx, newTx(tx, number, p.Tables)); err != nil {
			return fmt.Errorf("projection %s: Setup: %w", p.Name, err)
		}
		if state == serving {
			return show(ctx, tx, nil, number, p.Tables)
		}
		return nil
	})
}

// show makes views of a set's tables, in the place of the former ones.
func show(ctx context.Context, tx *sql.Tx, former []string, number int, tables []string) error {
	for _, table := range former {
		if _, err := tx.ExecContext(ctx, `DROP VIEW IF EXISTS "`+table+`"`); err != nil {
			return err
		}
	}
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, `CREATE VIEW "`+table+`" AS SELECT * FROM `+tableName(table, number)); err != nil {
			return fmt.Errorf("the view %q of the table %s, through which it is read: %w", table, tableName(table, number), err)
		}
	}
	return nil
}

// replace makes a set that has caught up serve. It reports false where what
// serves is ahead of it, and nothing was changed. It begins with a write, as
// every transaction here: SQLite then need not refuse what another has overtaken.
func replace(ctx context.Context, db *sql.DB, by *set) (done bool, err error) {
	err = transact(ctx, db, func(tx *sql.Tx) error {
		retired, err := update(ctx, tx, retireSet, by.name, int64(by.version), int64(by.position), by.history.String())
		if err != nil {
			return err
		}
		all, err := sets(ctx, tx, by.name)
		if err != nil {
			return err
		}
		if old := oneServing(all); !retired && old != nil {
			if old.version > by.version {
				return errMoved // the next look says by what
			}
			return nil
		}
		if mine, err := update(ctx, tx, serveSet, by.name, by.number, by.run, int64(by.position)); err != nil || !mine {
			return errors.Join(errMoved, err)
		}
		var former []string
		for _, s := range all {
			if s.state != building {
				former = append(former, s.tables...)
			}
		}
		done = true
		return show(ctx, tx, former, by.number, by.tables)
	})
	return done && err == nil, err
}

// drop removes a set's tables, the last made first, so that those that refer to
// others go before them.
func drop(ctx context.Context, db *sql.DB, s *set) error {
	return transact(ctx, db, func(tx *sql.Tx) error {
		if gone, err := update(ctx, tx, deleteSet, s.name, s.number, s.state); err != nil || !gone {
			return err
		}
		for i := len(s.tables) - 1; i >= 0; i-- {
			if _, err := tx.ExecContext(ctx, `DROP TABLE IF EXISTS `+tableName(s.tables[i], s.number)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, deleteFailed, s.name, s.number)
		return err
	})
}

// transact runs what is to be done in one transaction.
func transact(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing once it is committed
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}
