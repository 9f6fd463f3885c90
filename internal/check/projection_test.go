package check_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/client/projection"
)

// permitsModel is a read model that a repeated, missing or misplaced event
// spoils.
func permitsModel() projection.Projection {
	return projection.Projection{
		Name: "permits", Query: firn.Query{Category: "permit"}, Tables: []string{"permits"},
		Setup: func(ctx context.Context, tx *projection.Tx) error {
			_, err := tx.ExecContext(ctx, `CREATE TABLE {permits} (stream TEXT PRIMARY KEY, events BIGINT NOT NULL, revisions BIGINT NOT NULL, last TEXT NOT NULL)`)
			return err
		},
		Otherwise: func(ctx context.Context, tx *projection.Tx, e firn.Event, _ projection.Info) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO {permits} (stream, events, revisions, last) VALUES ($1, 1, $2, $3)
				ON CONFLICT (stream) DO UPDATE SET events = {permits}.events + 1, revisions = {permits}.revisions + excluded.revisions, last = excluded.last`,
				e.Stream, int64(e.Revision), e.Type)
			return err
		},
	}
}

// project feeds the read model until it is killed.
func project(ctx context.Context, store firn.Store, dsn string) error {
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	r, err := projection.New(db, store, permitsModel(), projection.Options{})
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// projected returns what the read model shows once it has passed a position.
func projected(ctx context.Context, t *testing.T, store *client.Client, dsn string, p firn.Position) counts {
	t.Helper()
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := projection.New(db, store, permitsModel(), projection.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.WaitFor(ctx, p); err != nil {
		t.Fatalf("the read model does not come to position %d: %v", p, err)
	}
	rows, err := db.QueryContext(ctx, `SELECT stream, events, revisions, last FROM permits`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := counts{}
	for rows.Next() {
		var stream string
		var c count
		if err := rows.Scan(&stream, &c.events, &c.revisions, &c.last); err != nil {
			t.Fatal(err)
		}
		all[stream] = c
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
