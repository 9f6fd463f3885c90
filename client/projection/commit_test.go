package projection_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/firndb/firn"
)

// lossy is a database whose every third commit returns an error, every other
// of these after it was done.
type lossy struct {
	underlying driver.Driver
	dsn        string
	commits    *atomic.Int64
}

func (l lossy) Driver() driver.Driver { return l.underlying }

func (l lossy) Connect(context.Context) (driver.Conn, error) {
	conn, err := l.underlying.Open(l.dsn)
	return lossyConn{conn, l.commits}, err
}

type lossyConn struct {
	driver.Conn
	commits *atomic.Int64
}

func (c lossyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return lossyTx{tx, c.commits}, err
}

type lossyTx struct {
	driver.Tx
	commits *atomic.Int64
}

func (tx lossyTx) Commit() error {
	n := tx.commits.Add(1)
	if n%6 == 0 {
		return errors.Join(tx.Rollback(), errors.New("the connection was lost before the commit"))
	}
	if err := tx.Tx.Commit(); err != nil || n%3 != 0 {
		return err
	}
	return errors.New("the connection was lost before the answer to the commit")
}

// A commit whose answer is lost may have happened. It is neither repeated where
// it had, nor left out where it had not.
func TestCommitUnanswered(t *testing.T) {
	dsn := database(t)
	db := connect(t, dsn)
	commits := &atomic.Int64{}
	unreliable := sql.OpenDB(lossy{db.Driver(), dsn, commits})
	t.Cleanup(func() { unreliable.Close() })

	s := firn.Memory()
	for i := range 200 {
		add(t, s, "Counted", fmt.Sprintf("thing-%d", i%9))
	}
	r := run(t, runner(t, unreliable, s, counting(everything), quick))
	passed(t, r.Runner, 200)
	r.stop()
	if d := shown(t, db).diff(fold(t, s, everything)); d != "" {
		t.Error(d)
	}
	if n := commits.Load(); n < 30 {
		t.Errorf("there were only %d commits", n)
	}
}
