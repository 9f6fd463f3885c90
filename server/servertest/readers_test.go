package servertest_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/wire"
)

// TestReadersWhileAnImageIsPutToUse reads from a node, which has missed so much
// that it gets an image, all the time that it does. Readers see what the node
// had or what it has then, or are told to come again.
func TestReadersWhileAnImageIsPutToUse(t *testing.T) {
	t.Parallel()
	var logs [3]servertest.Log
	c := servertest.StartWith(t, 3, func(i int, c *server.Config) {
		shortLog(c)
		c.Logger = slog.New(slog.NewTextHandler(&logs[i], &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	db := c.Dial()
	var ledger check.Ledger
	away := (c.AwaitLeader() + 1) % 3
	for range servertest.Rounds(2, 20) {
		fill(t, db, &ledger)
		before, _, err := servertest.Dial(t, c.Address(away), client.Options{}).Head(t.Context(), firn.Consistency{Local: true})
		if err != nil {
			t.Fatal(err)
		}
		status, err := db.Status(t.Context(), c.Address(away))
		if err != nil {
			t.Fatal(err)
		}
		c.Stop(away)
		for range 2 {
			fill(t, db, &ledger)
		}
		for start := time.Now(); !allBeginBehind(&logs, away, appliedOf(status, away)); time.Sleep(100 * time.Millisecond) {
			if time.Since(start) > 2*time.Minute {
				t.Fatal("the others have not shortened their logs")
			}
			append1To(t, db, &ledger)
		}
		c.Run(away)
		own := servertest.Dial(t, c.Address(away), client.Options{})
		var running sync.WaitGroup
		var stop atomic.Bool
		for i := range 4 {
			running.Go(func() {
				for !stop.Load() {
					if err := readOnce(t, own, i, before); err != nil && !errors.Is(err, firn.ErrUnavailable) {
						t.Errorf("a reader was told: %v", err)
					}
				}
			})
		}
		servertest.Agree(t, db, c.Address(away))
		stop.Store(true)
		running.Wait()
	}
	if err := ledger.Check(servertest.Agree(t, db, c.Address(0), c.Address(1), c.Address(2))); err != nil {
		t.Error(err)
	}
	if !strings.Contains(logs[away].String(), imageWords) {
		t.Error("the node has received no image; the test shows nothing")
	}
}

// allBeginBehind reports whether all but one node have said that their Raft logs
// begin behind an index.
func allBeginBehind(logs *[3]servertest.Log, but int, index uint64) bool {
	for i := range logs {
		if i != but && !beginsBehind(logs[i].String(), index) {
			return false
		}
	}
	return true
}

// appliedOf is how far a node had come.
func appliedOf(status wire.ClusterStatus, node int) (index uint64) {
	for _, n := range status.Nodes {
		if n.ID == fmt.Sprintf("n%d", node+1) {
			index = n.Applied
		}
	}
	return index
}

// readOnce asks a node itself for something, which depends on i.
func readOnce(t *testing.T, db *client.Client, i int, atLeast firn.Position) error {
	local := firn.Consistency{Local: true}
	switch i {
	case 0:
		head, _, err := db.Head(t.Context(), local)
		if err == nil && head < atLeast {
			return fmt.Errorf("the head is %d, and was %d before", head, atLeast)
		}
		return err
	case 1:
		_, err := db.Stats(t.Context(), "")
		return err
	case 2:
		for _, err := range db.Streams(t.Context(), firn.StreamQuery{Consistency: local}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	next := firn.Position(1)
	for e, err := range db.Read(t.Context(), firn.Query{All: true, System: true, Consistency: local}) {
		if err != nil {
			return err
		}
		if e.Position != next {
			return fmt.Errorf("position %d comes where %d should", e.Position, next)
		}
		next++
	}
	if next <= atLeast {
		return fmt.Errorf("%d events are there, of %d", next-1, atLeast)
	}
	return nil
}

func append1To(t *testing.T, db *client.Client, ledger *check.Ledger) {
	t.Helper()
	writes := []firn.Write{firn.To("order-1", firn.Any, firn.Draft{ID: firn.NewID(), Type: "T"})}
	told, err := db.Append(t.Context(), writes...)
	if ledger.Add(writes, told, err) != check.Done {
		t.Fatal(err)
	}
}

// TestAReaderThatStoppedReading does not keep a node from being stopped.
func TestAReaderThatStoppedReading(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	var ledger check.Ledger
	fill(t, p.Dial(), &ledger)
	small := servertest.Dial(t, p.Addresses, client.Options{WindowBytes: 1})
	for e, err := range small.Read(t.Context(), firn.Query{All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Position == 2 {
			start := time.Now()
			if status, log := p.Stop(0); status != 0 {
				t.Errorf("exit status %d\n%s", status, log)
			}
			t.Logf("stopped after %v", time.Since(start).Round(time.Millisecond))
			break
		}
	}
}
