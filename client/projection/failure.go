package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/sleep"
)

const (
	insertFailed = `INSERT INTO firn_projections_failed (name, set_number, position, stream, revision, id, type, attempts, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	deleteFailed = `DELETE FROM firn_projections_failed WHERE name = $1 AND set_number = $2`
	countFailed  = `SELECT COUNT(*) FROM firn_projections_failed WHERE name = $1 AND set_number = $2 AND position <= $3`
	selectFailed = `SELECT position, stream, revision, id, type, attempts, error FROM firn_projections_failed WHERE name = $1 AND set_number = $2 ORDER BY position`
)

// HandlerError names the event whose handler has failed as often as allowed.
// Nothing of the event is in the tables; everything before its append is.
type HandlerError struct {
	Projection string
	Stream     string
	Revision   firn.Revision // of an event; 0 for a change of life
	Position   firn.Position
	ID         firn.ID // of an event
	Type       string  // of a change of life: "$deleted" and so on
	Attempts   int
	Err        error // what the handler returned last
}

func (e *HandlerError) Error() string {
	return fmt.Sprintf("projection %s: the handler of %s failed %d times at position %d, stream %q revision %d; correct it and run again, it goes on with this event: %v",
		e.Projection, e.Type, e.Attempts, e.Position, e.Stream, e.Revision, e.Err)
}

func (e *HandlerError) Unwrap() error { return e.Err }

// Failed is an event that was set aside, see [Options.SetAside].
type Failed struct {
	Stream   string
	Revision firn.Revision
	Position firn.Position
	ID       firn.ID
	Type     string
	Attempts int
	Error    string
}

// Failed returns the events that were set aside in the tables that serve, by
// position.
func (r *Runner) Failed(ctx context.Context) ([]Failed, error) {
	all, err := sets(ctx, r.db, r.p.Name)
	if err != nil {
		return nil, err
	}
	s := oneServing(all)
	if s == nil {
		return nil, nil
	}
	rows, err := r.db.QueryContext(ctx, selectFailed, r.p.Name, s.number)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var failed []Failed
	for rows.Next() {
		var e Failed
		var id string
		if err := rows.Scan(&e.Position, &e.Stream, &e.Revision, &id, &e.Type, &e.Attempts, &e.Error); err != nil {
			return nil, err
		}
		if err := e.ID.UnmarshalText([]byte(id)); err != nil {
			return nil, err
		}
		failed = append(failed, e)
	}
	return failed, rows.Err()
}

// itemError is a handler's error, and which item it was about.
type itemError struct {
	index int
	err   error
}

func (e *itemError) Error() string { return e.err.Error() }
func (e *itemError) Unwrap() error { return e.err }

// commit applies items: in one transaction if all goes well. When a handler
// fails, what comes before the event's append is applied by itself, then that
// append alone is tried again, so that the failure costs the others nothing.
func (f *feed) commit(ctx context.Context, items []item) error {
	f.note(items)
	limit, failures := len(items), 0
	for {
		done, err := f.apply(ctx, items[:limit])
		var failed *itemError
		switch {
		case err == nil:
			items, failures = items[done:], 0
			limit = len(items)
			clear(f.failures)
			clear(f.givenUp)
			f.shown.hinder(nil)
			if limit == 0 {
				return nil
			}
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errMoved):
			return err
		case errors.As(err, &failed) && f.db.PingContext(ctx) == nil:
			first, end := appendAround(items, failed.index)
			if first > 0 {
				if err := f.commit(ctx, items[:first]); err != nil {
					return err
				}
			}
			bad := &items[failed.index]
			items, limit = items[first:], end-first
			if err := f.failed(ctx, bad, failed.err); err != nil {
				return err
			}
		default:
			if failures++; failures >= f.o.Attempts {
				return fmt.Errorf("projection %s: the database failed %d times at position %d: %w", f.p.Name, failures, f.set.position, err)
			}
			f.shown.hinder(err)
			if err := sleep.For(ctx, f.o.backoff(failures)); err != nil {
				return err
			}
		}
	}
}

// failed counts a handler's failure and waits before the next try, or gives the
// event up, or the run.
func (f *feed) failed(ctx context.Context, it *item, err error) error {
	at := it.position()
	f.failures[at]++
	if f.failures[at] < f.o.Attempts {
		f.shown.hinder(err)
		return sleep.For(ctx, f.o.backoff(f.failures[at]))
	}
	if !f.o.SetAside {
		e := f.about(it)
		return &HandlerError{f.p.Name, e.Stream, e.Revision, at, e.ID, e.Type, f.failures[at], err}
	}
	f.givenUp[at] = err
	return nil
}

func (f *feed) setAside(ctx context.Context, t *Tx, it *item, why error) error {
	e := f.about(it)
	_, err := t.tx.ExecContext(ctx, insertFailed, f.p.Name, f.set.number, int64(it.position()), e.Stream, int64(e.Revision), e.ID.String(), e.Type, f.failures[it.position()], why.Error())
	return err
}

// about returns the event, or what stands for a change of life.
func (f *feed) about(it *item) firn.Event {
	if it.mark == nil {
		return it.event
	}
	types := map[firn.Life]string{firn.Delete{}: firn.TypeDeleted, firn.Tombstone{}: firn.TypeTombstoned}
	e := firn.Event{Stream: it.mark.Stream}
	switch life := it.mark.Life.(type) {
	case firn.Delete, firn.Tombstone:
		e.Type = types[life]
	case firn.Truncate:
		e.Type = firn.TypeTruncated
	case firn.Limits:
		e.Type = firn.TypeLimits
	case firn.Metadata:
		e.Type = firn.TypeMetadata
	}
	return e
}

// appendAround returns where the append of an item begins and ends among items.
func appendAround(items []item, i int) (first, end int) {
	for first = i; first > 0 && !items[first-1].end; first-- {
	}
	for end = i; !items[end].end; end++ {
	}
	return first, end + 1
}

func countSetAside(ctx context.Context, db *sql.DB, s *set, p firn.Position) (n uint64, err error) {
	err = db.QueryRowContext(ctx, countFailed, s.name, s.number, int64(p)).Scan(&n)
	return n, err
}
