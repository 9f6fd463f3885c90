package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

// orders computes one row an order. Raise Version with every change here.
var orders = projection.Projection{
	Name:    "orders",
	Version: 1,
	Query:   firn.Query{Category: "order"},
	Tables:  []string{"orders"},
	Setup: func(ctx context.Context, tx *projection.Tx) error {
		for _, text := range []string{
			`CREATE TABLE {orders} (id TEXT PRIMARY KEY, customer TEXT NOT NULL, cents BIGINT NOT NULL, state TEXT NOT NULL, revision BIGINT NOT NULL)`,
			`CREATE INDEX {orders}_by_customer ON {orders} (customer, state)`,
		} {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	},
	On: map[string]projection.Handler{
		"OrderPlaced":    placed,
		"OrderPaid":      becomes("paid"),
		"OrderShipped":   becomes("shipped"),
		"OrderCancelled": becomes("cancelled"),
	},
	OnLife: removed,
}

type orderPlaced struct {
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
}

func placed(ctx context.Context, tx *projection.Tx, e firn.Event, _ projection.Info) error {
	var data orderPlaced
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return fmt.Errorf("an OrderPlaced that does not parse: %w", err)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO {orders} (id, customer, cents, state, revision) VALUES ($1, $2, $3, 'placed', $4)
		ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, cents = excluded.cents, state = excluded.state, revision = excluded.revision`,
		e.Stream, data.Customer, data.Cents, int64(e.Revision))
	return err
}

func becomes(state string) projection.Handler {
	return func(ctx context.Context, tx *projection.Tx, e firn.Event, _ projection.Info) error {
		_, err := tx.ExecContext(ctx, `UPDATE {orders} SET state = $1, revision = $2 WHERE id = $3`, state, int64(e.Revision), e.Stream)
		return err
	}
}

// removed takes orders out whose streams are deleted.
func removed(ctx context.Context, tx *projection.Tx, mark firn.Mark, _ projection.Info) error {
	switch mark.Life.(type) {
	case firn.Delete, firn.Tombstone:
		_, err := tx.ExecContext(ctx, `DELETE FROM {orders} WHERE id = $1`, mark.Stream)
		return err
	}
	return nil
}
