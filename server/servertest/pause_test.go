package servertest_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// TestTheLeaderIsPaused stops the leader's process for two seconds. The others
// elect another one. When it goes on it believes for a moment that it still
// leads, and must not answer a read from what it had.
func TestTheLeaderIsPaused(t *testing.T) {
	t.Parallel()
	const pause = 2 * time.Second
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	for range servertest.Rounds(2, 15) {
		p.Leader(t.Context(), db)
		append1(t, db, "order-1")
		leader := p.Leader(t.Context(), db)
		// A client that knows this address only, is connected to it as to the
		// leader, and does not mind its silence.
		old := servertest.Dial(t, p.Address(leader), client.Options{KeepAlive: 20 * time.Second})
		if _, _, err := old.Head(t.Context(), firn.Consistency{}); err != nil {
			t.Fatal(err)
		}
		p.Signal(leader, syscall.SIGSTOP)
		rest := servertest.Dial(t, p.Nodes(leader)[0]+","+p.Nodes(leader)[1], client.Options{})
		paused := time.Now()
		append1(t, rest, "order-1")
		t.Logf("a client goes on after %v", time.Since(paused).Round(time.Millisecond))
		want := append1(t, rest, "order-1")
		// Half of the reads wait for the node when it goes on, the others come a
		// little later, one after the other.
		answers := make(chan error, 40)
		for i := range cap(answers) {
			go func() {
				if i >= cap(answers)/2 {
					time.Sleep(time.Until(paused.Add(pause + time.Duration(i-cap(answers)/2)*5*time.Millisecond)))
				}
				head, _, err := old.Head(t.Context(), firn.Consistency{})
				if err == nil && head < want {
					err = fmt.Errorf("a linearizable read of node n%d has head %d, and %d was acknowledged before", leader+1, head, want)
				}
				answers <- err
			}()
		}
		time.Sleep(time.Until(paused.Add(pause)))
		p.Signal(leader, syscall.SIGCONT)
		for range cap(answers) {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		append1(t, db, "order-1")
	}
	servertest.Agree(t, db, p.Nodes()...)
}

func append1(t *testing.T, db *client.Client, stream string) firn.Position {
	t.Helper()
	told, err := db.Append(t.Context(), firn.To(stream, firn.Any, firn.Draft{ID: firn.NewID(), Type: "T", Data: []byte("{}")}))
	if err != nil {
		t.Fatal(err)
	}
	return told.Position
}
