package servertest_test

import (
	"strings"
	"testing"

	"github.com/firndb/firn/server/servertest"
)

// TestReadReplica has a cluster of three voters and a read replica, while clients
// append. The replica answers what followers answer, counts for no majority, stays
// what it is when it is started again, and is replaced and promoted by command.
func TestReadReplica(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	load := loaded(t, p)
	load.Await(100)
	replica := p.Join("--replica")
	awaitRole(t, db, "n4", "replica")
	load.Await(50)

	// Dead, it harms nobody, beside a voter that is dead as well.
	voter := (p.Leader(t.Context(), db) + 1) % 3
	p.Kill(replica)
	p.Kill(voter)
	load.Await(50)
	p.Run(voter)
	p.Run(replica) // without the flag
	p.AwaitServing(replica)
	load.Await(50)
	awaitRole(t, db, "n4", "replica")
	load.Stop()
	load.Check(servertest.Agree(t, db, p.Nodes()...))

	near := p.Address(replica)
	servertest.Firn(t, "", "cluster", "status", "--addr", near, "-o", "json").Want(t, 0, `{"id":"n4","role":"replica","up":true,`)
	servertest.Firn(t, "", "cluster", "transfer", "n4", "--addr", p.Addresses).Want(t, 2, "has no vote")
	if _, text := ask(t, "GET", "http://"+p.HTTP(replica)+"/metrics", "", ""); !strings.Contains(text, `firn_role{role="replica"} 1`) {
		t.Error("its metrics do not say that it is a replica")
	}
	// An append goes from it to the leader; a read of it that is linearizable
	// shows the append, and so does one that waits for its position.
	servertest.Firn(t, "", "append", "order-1", "--type", "Placed", "--addr", near).Want(t, 0)
	if answer, text := ask(t, "GET", "http://"+p.HTTP(replica)+"/streams/order-1", "", ""); answer.StatusCode != 200 || strings.Count(text, `"type":"Placed"`) != 1 {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	servertest.Firn(t, "", "subscribe", "order-1", "--until-caught-up", "--addr", near).Want(t, 0, `"type":"Placed"`)
	// One voter and a replica are no majority. What the replica has, it answers.
	p.Kill(0)
	p.Kill(1)
	if r := servertest.Firn(t, "", "append", "order-1", "--type", "Lost", "--addr", p.Addresses, "--timeout", "2s"); r.Status != 5 && r.Status != 6 {
		t.Errorf("an append without a majority: exit status %d\n%s", r.Status, r.Err)
	}
	p.Kill(2)
	servertest.Firn(t, "", "read", "order-1", "--local", "--addr", near, "-o", "json").Want(t, 0, `"type":"Placed"`)
	for i := range 3 {
		p.Run(i)
	}
	db = p.Dial()

	// It is replaced as a voter is, and the new one is made a voter.
	p.Kill(replica)
	servertest.Firn(t, "", "cluster", "remove", "n4", "--addr", p.Addresses).Want(t, 0, `"removed":true`)
	p.Join("--replica")
	awaitRole(t, db, "n5", "replica")
	awaitRole(t, db, "n4", "")
	servertest.Firn(t, "", "cluster", "promote", "n5", "--addr", p.Addresses).Want(t, 0, `"promoted":true`)
	awaitRole(t, db, "n5", "voter")
	servertest.Agree(t, db, p.Nodes()...)
}
