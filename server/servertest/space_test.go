package servertest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// disks says how much is free on each node's disk.
type disks [3]atomic.Uint64

const (
	reserve = 1 << 30
	roomy   = 10 * reserve
	full    = reserve - 1
)

// startWithDisks starts three nodes in this process on disks with room.
func startWithDisks(t *testing.T) (*servertest.Cluster, *disks) {
	d := new(disks)
	for i := range d {
		d[i].Store(roomy)
	}
	return servertest.StartWith(t, 3, func(i int, c *server.Config) {
		c.DiskReserve = reserve
		c.DiskFree = func() (uint64, error) { return d[i].Load(), nil }
	}), d
}

// TestTheLeadersDiskIsFull lets the leader's disk run full. It hands leadership
// to a node that has room, and clients go on; then it takes part again.
func TestTheLeadersDiskIsFull(t *testing.T) {
	t.Parallel()
	c, disks := startWithDisks(t)
	db := c.Dial()
	load := servertest.StartLoad(t, 4, db)
	load.Await(20)
	old := c.AwaitLeader()
	disks[old].Store(full)
	awaitLeader(t, c, func(leader int) bool { return leader >= 0 && leader != old })
	load.Await(100)
	disks[old].Store(roomy)
	load.Await(20)
	load.Stop()
	load.Check(servertest.Agree(t, db, c.Address(0), c.Address(1), c.Address(2)))
}

// TestAFollowersDiskIsFull lets a follower's disk run full. The majority goes
// on; the follower serves what it has, and catches up when there is room.
func TestAFollowersDiskIsFull(t *testing.T) {
	t.Parallel()
	c, disks := startWithDisks(t)
	db := c.Dial()
	load := servertest.StartLoad(t, 4, db)
	load.Await(20)
	follower := (c.AwaitLeader() + 1) % 3
	disks[follower].Store(full)
	own := servertest.Dial(t, c.Address(follower), client.Options{})
	awaitStandstill(t, own)
	load.Await(100)
	if head, _, err := own.Head(t.Context(), firn.Consistency{Local: true}); err != nil || head == 0 {
		t.Errorf("a follower with a full disk does not serve what it has: head %d, %v", head, err)
	}
	disks[follower].Store(roomy)
	load.Await(20)
	load.Stop()
	load.Check(servertest.Agree(t, db, c.Address(0), c.Address(1), c.Address(2)))
}

// TestAllDisksAreFull: appends are refused as having no space, and nothing of
// them was done; reads are served. With room on all disks all is well again.
func TestAllDisksAreFull(t *testing.T) {
	t.Parallel()
	c, disks := startWithDisks(t)
	db := servertest.Dial(t, c.Addresses, client.Options{Timeout: 700 * time.Millisecond})
	append1(t, c.Dial(), "order-1")
	for i := range disks {
		disks[i].Store(full)
	}
	kinds := map[string]int{}
	for start := time.Now(); time.Since(start) < time.Minute && kinds["no-space"] == 0; {
		_, err := db.Append(t.Context(), firn.To("order-1", firn.Any, firn.Draft{ID: firn.NewID(), Type: "T"}))
		var e *firn.Error
		if errors.As(err, &e) {
			kinds[e.Kind.String()]++
		}
	}
	if kinds["no-space"] == 0 {
		t.Errorf("with all disks full, appends are answered with %v", kinds)
	}
	// One that has not looked at its disk yet may still lead, and take an append
	// that then nobody confirms.
	awaitLeader(t, c, func(leader int) bool { return leader == -1 })
	var refused servertest.Ran
	for end := time.Now().Add(time.Minute); ; {
		refused = servertest.Firn(t, "", "append", "order-1", "--type", "Refused", "--addr", c.Address(1), "--timeout", "5s")
		if refused.Status != 6 || time.Now().After(end) { // 6: its time ended before the last attempt was answered
			break
		}
	}
	refused.Want(t, 5, "this node's disk has 1073741823 bytes free", "in reserve")
	servertest.Firn(t, "", "read", "order-1", "--local", "--addr", c.Address(1)).Want(t, 0, `"revision":0`)
	for i := range disks {
		disks[i].Store(roomy)
	}
	for start := time.Now(); ; {
		if _, err := db.Append(t.Context(), firn.To("order-1", firn.Any, firn.Draft{ID: firn.NewID(), Type: "T"})); err == nil {
			t.Logf("appends are served again after %v", time.Since(start).Round(time.Millisecond))
			break
		}
		if time.Since(start) > 2*time.Minute {
			t.Fatal("there is room on all disks, and appends are still refused")
		}
	}
	log := servertest.Agree(t, db, c.Address(0), c.Address(1), c.Address(2))
	for _, e := range log {
		if e.Type == "Refused" {
			t.Error("an append was refused for want of space, and was done")
		}
	}
}

func awaitLeader(t *testing.T, c *servertest.Cluster, is func(int) bool) {
	t.Helper()
	for start := time.Now(); !is(c.Leader()); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > 2*time.Minute {
			t.Fatalf("node %d leads", c.Leader())
		}
	}
}

// awaitStandstill returns once the node has applied nothing for a while,
// although others append.
func awaitStandstill(t *testing.T, own *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for last := firn.Position(0); ; {
		head, _, err := own.Head(ctx, firn.Consistency{Local: true})
		if err != nil {
			t.Fatal(err)
		}
		if head == last {
			return
		}
		last = head
		time.Sleep(300 * time.Millisecond)
	}
}
