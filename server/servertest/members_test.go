package servertest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// awaitRole returns once the cluster says that the node has the role; "" is
// that it is no member.
func awaitRole(t *testing.T, db *client.Client, id, role string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		status, err := db.Status(ctx, "")
		is := ""
		for _, n := range status.Nodes {
			if n.ID == id {
				is = n.Role
			}
		}
		if err == nil && status.Leader != "" && is == role {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("node %s has role %q, want %q: %+v (%v)", id, is, role, status, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestMembersChange takes a node in, and then the leader out, while clients
// append.
func TestMembersChange(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	load := loaded(t, p)
	load.Await(100)
	joined := p.Join()
	awaitRole(t, db, "n4", "voter")
	load.Await(50)

	leader := p.Leader(t.Context(), db)
	old := fmt.Sprintf("n%d", leader+1)
	servertest.Firn(t, "", "cluster", "remove", old, "--addr", p.Addresses).Want(t, 0, `"removed":true`)
	load.Await(50)
	if status, log := p.Stop(leader); status != 0 {
		t.Errorf("a node that was removed stops with exit status %d:\n%s", status, log)
	}
	load.Await(50)
	db = servertest.Dial(t, p.Address(joined), client.Options{})
	awaitRole(t, db, old, "")
	load.Stop()
	servertest.Firn(t, "", "cluster", "status", "--addr", p.Address(joined), "-o", "json").Want(t, 0, `{"id":"n4","role":"voter","up":true,`)
	load.Check(servertest.Agree(t, db, p.Nodes(leader)...))
}

// TestADeadNodeIsReplaced takes a node out that is gone for good, and another
// one in. Under its old id, with nothing on its disk, the node is refused; once
// it was removed, it is welcome.
func TestADeadNodeIsReplaced(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	load := loaded(t, p)
	load.Await(100)
	dead := (p.Leader(t.Context(), db) + 1) % 3
	name := fmt.Sprintf("n%d", dead+1)
	p.Kill(dead)
	if err := os.RemoveAll(p.Dir(dead)); err != nil {
		t.Fatal(err)
	}

	p.Run(dead)
	const words = "remove"
	p.AwaitLog(dead, "that it may not take part", func(log string) bool { return strings.Contains(log, words) })
	load.Await(50)
	t.Logf("%.2000s", p.Log(dead))
	p.Kill(dead)

	servertest.Firn(t, "", "cluster", "remove", name, "--addr", p.Addresses).Want(t, 0, `"removed":true`)
	awaitRole(t, db, name, "")
	if err := os.RemoveAll(p.Dir(dead)); err != nil {
		t.Fatal(err)
	}
	p.Rejoin(dead, p.Address((dead+1)%3))
	awaitRole(t, db, name, "voter")
	load.Await(50)
	load.Stop()
	load.Check(servertest.Agree(t, db, p.Nodes()...))
}

// TestMembersAreRefused asks for what cannot be done.
func TestMembersAreRefused(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	for _, c := range []struct {
		status int
		words  string
		args   []string
	}{
		{4, `node "n9" is no member`, []string{"remove", "n9"}},
		{4, `node "n9" is no member`, []string{"promote", "n9"}},
		{4, `node "n9" is no member`, []string{"transfer", "n9"}},
		{2, "only voter", []string{"remove", "n1"}},
		{2, "only voter", []string{"transfer"}},
		{2, "", []string{"add", "n9", "nonsense"}},
		{2, "", []string{"add", "n 9", "127.0.0.1:1"}},
		{2, "", []string{"add", "n9", p.Peer(0)}},
	} {
		servertest.Firn(t, "", append([]string{"cluster"}, append(c.args, "--addr", p.Addresses, "--timeout", "3s")...)...).Want(t, c.status, c.words)
	}
	servertest.Firn(t, "", "append", "a-1", "--type", "T", "--addr", p.Addresses).Want(t, 0)
}
