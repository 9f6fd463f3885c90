package projection

import (
	"context"
	"database/sql"
	"time"

	"github.com/firndb/firn"
)

// waitMax is how long at most a waiter lies between two looks at the database.
const waitMax = 50 * time.Millisecond

// WaitFor returns once the tables that serve have passed a position, such as the
// one that an append has returned: everything up to it that the projection
// follows is in the tables or was set aside, and it says how many events have
// been set aside up to there. It works wherever the projecting runner is: by
// the checkpoint in the database where that is not this one. Where nothing
// serves yet it waits for that, too: give the context a deadline.
func (r *Runner) WaitFor(ctx context.Context, p firn.Position) (setAside uint64, err error) {
	if err := r.patiently(ctx, func() error { return r.createTables(ctx) }); err != nil {
		return 0, err
	}
	return waitFor(ctx, r.db, r.p.Name, p, r.shown)
}

// WaitFor is [Runner.WaitFor] for programs that only read the tables, of which
// there must be one that projects, or has.
func WaitFor(ctx context.Context, db *sql.DB, projection string, p firn.Position) (setAside uint64, err error) {
	return waitFor(ctx, db, projection, p, newState(nil))
}

func waitFor(ctx context.Context, db *sql.DB, name string, p firn.Position, shown *state) (uint64, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, waitMax) {
		at, moved := shown.get()
		here := at.Set > 0 && !at.Standby && !at.Building // this runner fills what serves
		if !here || at.Position >= p {
			all, err := sets(ctx, db, name)
			if err != nil {
				return 0, err
			}
			if s := oneServing(all); s != nil && (s.position >= p || here && s.number == at.Set) {
				return countSetAside(ctx, db, s, p)
			}
		}
		if here {
			wait = waitMax
		}
		look := time.NewTimer(wait)
		select {
		case <-moved:
		case <-look.C:
		case <-ctx.Done():
		}
		look.Stop()
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
}
