package projection

import (
	"context"
	"database/sql"
	"time"

	"github.com/firndb/firn"
)

// apply applies items in one transaction, together with the checkpoint behind
// them, and returns how many it has applied: all, unless that takes too long.
//
// The checkpoint is moved first. Its condition (still this run's, still where
// this run has left it) decides who may go on before a handler has touched
// anything, and the row then stays locked until the end.
func (f *feed) apply(ctx context.Context, items []item) (done int, err error) {
	began, from, upTo := time.Now(), f.set.position, f.ahead
	if len(items) > 0 {
		upTo = items[len(items)-1].upTo()
	}
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // does nothing once it is committed
	if err := f.advance(ctx, tx, from, upTo); err != nil {
		return 0, err
	}
	t := newTx(tx, f.set.number, f.set.tables)
	for i := range items {
		if err := f.handle(ctx, t, &items[i]); err != nil {
			return 0, &itemError{i, err}
		}
		done = i + 1
		if done < len(items) && items[i].end && time.Since(began) > f.o.BatchTime {
			planned := upTo
			upTo = items[i].upTo()
			if err := f.advance(ctx, tx, planned, upTo); err != nil {
				return 0, err
			}
			break
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, err // if it has happened after all, the next try finds the checkpoint elsewhere and the run begins anew
	}
	f.set.position, f.saved = upTo, time.Now()
	return done, nil
}

// advance moves the checkpoint, or returns errMoved where it is not this run's,
// or not where this run has left it.
func (f *feed) advance(ctx context.Context, tx *sql.Tx, from, upTo firn.Position) error {
	mine, err := update(ctx, tx, advanceSet, int64(upTo), f.set.history.String(), f.p.Name, f.set.number, f.set.state, f.run.String(), int64(from))
	if err == nil && !mine {
		return errMoved
	}
	return err
}

// handle gives an item to its handler, or sets it aside.
func (f *feed) handle(ctx context.Context, t *Tx, it *item) error {
	at := it.position()
	if err := f.givenUp[at]; err != nil {
		return f.setAside(ctx, t, it, err)
	}
	info := Info{Replaying: at <= f.head, Run: f.run, Set: f.set.number, Attempt: f.failures[at] + 1}
	if it.mark == nil {
		if handle := f.p.handler(it.event.Type); handle != nil {
			return handle(ctx, t, it.event, info)
		}
	} else if it.mark.Kind == firn.LifeMark && f.p.OnLife != nil {
		return f.p.OnLife(ctx, t, *it.mark, info)
	}
	return nil
}
