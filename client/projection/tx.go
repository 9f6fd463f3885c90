package projection

import (
	"context"
	"database/sql"
	"strings"
)

// Tx is the transaction of one batch of events, as handlers see it. In its
// statements {orders} stands for the table orders of the set that is being
// filled, so that one handler fills the tables that serve and those that are
// built to replace them. {orders} is orders_7 in the seventh set; an index may
// be called {orders}_by_customer.
//
// A statement that is used again within the transaction is prepared: write it
// the same each time, with parameters ($1, $2 …, on PostgreSQL and SQLite alike).
type Tx struct {
	tx         *sql.Tx
	names      *strings.Replacer
	statements map[string]*statement // by the text that the handler gave
}

type statement struct {
	text     string // with the tables' true names
	prepared *sql.Stmt
}

func newTx(tx *sql.Tx, set int, tables []string) *Tx {
	var pairs []string
	for _, table := range tables {
		pairs = append(pairs, "{"+table+"}", tableName(table, set))
	}
	return &Tx{tx: tx, names: strings.NewReplacer(pairs...), statements: map[string]*statement{}}
}

// Table returns the true name of a table in the set that is being filled.
func (t *Tx) Table(name string) string { return t.names.Replace("{" + name + "}") }

// SQL returns the transaction itself, for libraries that want one. Nobody but
// the runner may end it.
func (t *Tx) SQL() *sql.Tx { return t.tx }

// ExecContext is that of [sql.Tx].
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := t.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s.prepared == nil {
		return t.tx.ExecContext(ctx, s.text, args...)
	}
	return s.prepared.ExecContext(ctx, args...)
}

// QueryContext is that of [sql.Tx]. The rows must be closed before the next
// statement.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s.prepared == nil {
		return t.tx.QueryContext(ctx, s.text, args...)
	}
	return s.prepared.QueryContext(ctx, args...)
}

// QueryRowContext is that of [sql.Tx].
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := t.statement(ctx, query)
	if err != nil || s.prepared == nil {
		// What is wrong with the text, the row will say.
		return t.tx.QueryRowContext(ctx, t.names.Replace(query), args...)
	}
	return s.prepared.QueryRowContext(ctx, args...)
}

// PrepareContext is that of [sql.Tx].
func (t *Tx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return t.tx.PrepareContext(ctx, t.names.Replace(query))
}

// statement returns a statement, prepared from its second use on: preparing
// costs a round trip, which a transaction of one event should not pay.
func (t *Tx) statement(ctx context.Context, query string) (*statement, error) {
	s := t.statements[query]
	if s == nil {
		s = &statement{text: t.names.Replace(query)}
		t.statements[query] = s
		return s, nil
	}
	if s.prepared == nil {
		prepared, err := t.tx.PrepareContext(ctx, s.text)
		if err != nil {
			return nil, err
		}
		s.prepared = prepared // closed when the transaction ends
	}
	return s, nil
}
