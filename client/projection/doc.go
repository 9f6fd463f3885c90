// Package projection feeds a read model: tables in a SQL database that are
// computed from events, made for the questions that a program asks.
//
//	r, err := projection.New(db, store, projection.Projection{
//		Name:   "orders",
//		Query:  firn.Query{Category: "order"},
//		Tables: []string{"orders"},
//		Setup: func(ctx context.Context, tx *projection.Tx) error {
//			_, err := tx.ExecContext(ctx, `CREATE TABLE {orders} (id TEXT PRIMARY KEY, paid BOOLEAN NOT NULL)`)
//			return err
//		},
//		On: map[string]projection.Handler{
//			"OrderPlaced": func(ctx context.Context, tx *projection.Tx, e firn.Event, _ projection.Info) error {
//				_, err := tx.ExecContext(ctx, `INSERT INTO {orders} (id, paid) VALUES ($1, FALSE)`, e.Stream)
//				return err
//			},
//			…
//		},
//	}, projection.Options{})
//	if err != nil { … }
//	err = r.Run(ctx) // until ctx ends
//
// Readers ask the table orders, with whatever they like. A handler writes
// {orders}, because the true table has a number behind its name, see below.
//
// # Exactly once
//
// Each event takes effect once, however often a process dies. The checkpoint,
// a position and the history of the store that it counts in, is a row of
// firn_projections in the same database, and moves in the same transaction as
// the tables: either both are there after a crash or neither. A handler may run
// twice for an event, after a rollback; what it does through its [Tx] is there
// once. So it does nothing else: it calls no service and appends no event. That
// is for a consumer group.
//
// Each transaction moves the checkpoint first, on the condition that it is this
// run's and where this run has left it. Any number of processes may run a
// projection: one projects, the others stand by, and one that was taken for dead
// and wakes up finds the condition broken before it has touched a table.
//
// A transaction takes what has arrived: one event when events come singly,
// thousands while it catches up. It never ends in the middle of an append, so
// that readers see all that an append wrote, or nothing of it.
//
// # When a handler fails
//
// Its transaction is rolled back, what came before the event's append is applied
// by itself, and the append is tried again, [Options].Attempts times in all, with
// growing pauses. Then [Runner.Run] returns a [*HandlerError] that names the
// event; a corrected program goes on with that event. With [Options].SetAside
// the event is left out instead, recorded in firn_projections_failed
// ([Runner.Failed]), and the projection goes on behind it. A database that does
// not answer is no failure of the event.
//
// # Rebuilding
//
// The tables of a projection are numbered sets: orders_1, orders_2. The name
// orders is a view of the set that serves. To change the tables or what a
// handler does, raise [Projection].Version: the new program fills a new set from
// the beginning while the old one serves, and is fed by the old program as long
// as that runs. Once the new set is not behind the old one, one transaction
// makes the views show it. The old program then ends with [ErrSuperseded]; its
// tables are dropped after [Options].DropAfter. [Runner.Rebuild] does the same
// without a new version: after a restore of the store (firn.ErrOtherHistory), or
// when somebody has changed the tables by hand.
//
//	err := r.Run(ctx)
//	if errors.Is(err, firn.ErrOtherHistory) {
//		if err = r.Rebuild(ctx); err == nil {
//			err = r.Run(ctx)
//		}
//	}
//
// # Reading what one has written
//
// [Runner.WaitFor] returns once the tables have passed the position that an
// append has returned, wherever the projecting process is; [WaitFor] does it for
// programs that only read.
//
// # Databases
//
// PostgreSQL and SQLite, through whichever driver the program imports; the
// package imports none. Placeholders are $1, $2 … on both. SQLite wants a
// write-ahead log and patience with locks; with modernc.org/sqlite:
//
//	sql.Open("sqlite", "file:orders.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_pragma=synchronous(NORMAL)")
//
// # Goroutines
//
// Run uses three: its own, in which handlers are called, one at a time; one that
// reads the subscription, at most two batches ahead; one that shows others that
// the run lives. All have ended when Run returns.
package projection
