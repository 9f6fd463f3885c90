package replication

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/planted"
)

var errClosed = firn.Errorf(firn.ErrUnavailable, "this node is stopping; nothing was done")

// Propose has one item (see command.AppendItem) applied, and returns what
// applying it answered; an expectation that is not met is in the result. When
// it returns without an error, the item is synced at a majority. It keeps item
// until it returns. Leader only.
//
// Errors: [firn.ErrNotLeader] with the leader's client address,
// [firn.ErrUnavailable], [firn.ErrNoSpace], [firn.ErrBusy], [firn.ErrTooLarge]
// and [firn.ErrTimeout], or a canceled context's: nothing was done.
// [firn.ErrUnknown]: it had reached Raft, and may be applied or not; the same
// ids make it safe to repeat.
func (n *Node) Propose(ctx context.Context, item []byte) (command.Result, error) {
	if err := n.mayPropose(); err != nil {
		return command.Result{}, err
	}
	if cluster, _ := n.o.Machine.Identity(); cluster == ([16]byte{}) {
		if err := n.founded(ctx); err != nil {
			return command.Result{}, err
		}
	}
	return n.queue.propose(ctx, item)
}

// mayPropose says why nothing can be proposed here now.
func (n *Node) mayPropose() error {
	if err := n.mustLead(); err != nil {
		return err
	}
	if n.space.full.Load() {
		return n.space.err()
	}
	if err := n.diverged.Load(); err != nil {
		return err
	}
	if err := n.clockTrouble(); err != nil {
		return err
	}
	return nil
}

// mustLead says who leads where this node does not.
func (n *Node) mustLead() error {
	if err := n.serving(); err != nil {
		return err
	}
	if _, ok := n.leading(); !ok {
		return n.notLeader()
	}
	return nil
}

// serving says why this node does not serve at all.
func (n *Node) serving() error {
	if n.isClosing() {
		return errClosed
	}
	if err := n.failure(); err != nil {
		return firn.Errorf(firn.ErrUnavailable, "this node takes no part in the cluster any more: %v", err)
	}
	return nil
}

// founded waits for the first command of a new cluster, which gives it its identity.
func (n *Node) founded(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, 4*n.o.Timing.Heartbeat)
	defer cancel()
	if err := n.o.Machine.WaitApplied(wait, 1); err == nil {
		return nil
	}
	return firn.Errorf(firn.ErrUnavailable, "the cluster is new and not founded yet; nothing was done, try again")
}

// notLeader is the answer where only a leader can answer.
func (n *Node) notLeader() *firn.Error {
	id := n.otherLeader()
	if id == "" {
		if n.space.full.Load() {
			return n.space.err() // where all disks are full nobody leads, and this is why
		}
		return firn.Errorf(firn.ErrUnavailable, "there is no leader at present; nothing was done, try again")
	}
	err := firn.Errorf(firn.ErrNotLeader, "node %s does not lead, node %s does; nothing was done", n.o.ID, id)
	err.Leader = n.exchange.peer(id).report.Client
	return err
}

// LeaderHTTP returns the HTTP address of the leader, where that is another
// member and tells one; else "".
func (n *Node) LeaderHTTP() string {
	if id := n.otherLeader(); id != "" {
		return n.exchange.peer(id).report.HTTP
	}
	return ""
}

// otherLeader returns which other member leads, "" where none is known. One that
// has been silent for longer than followers wait is none to send a caller to; an
// election is about to begin.
func (n *Node) otherLeader() string {
	_, id := n.raft.LeaderWithID()
	if string(id) == n.o.ID || time.Since(n.raft.LastContact()) > n.o.Timing.Heartbeat {
		return ""
	}
	return string(id)
}

// send makes one entry of the items and hands it to Raft. The time it carries
// is proposed here; apply lifts it where it would go back.
func (n *Node) send(items [][]byte) raft.ApplyFuture {
	size := 1 + 10 + 10
	for _, it := range items {
		size += len(it)
	}
	entry := command.AppendEntry(make([]byte, 0, size), n.clock.stamp(), items...)
	return n.raft.Apply(entry, n.o.Timing.Heartbeat)
}

// explain says what an error of Raft means for the items of an entry.
func (n *Node) explain(err error) error {
	var known *firn.Error
	switch {
	case errors.Is(err, raft.ErrNotLeader):
		return n.notLeader()
	case errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return firn.Errorf(firn.ErrUnavailable, "the leader takes nothing at present (%v); nothing was done, try again", err)
	case errors.As(err, &known):
		return firn.Errorf(firn.ErrUnknown, "the append may have been done: %v; repeat it with the same ids", known)
	}
	if planted.Is(planted.UnknownIsRefused) { // what may have been done is said not to have been
		return firn.Errorf(firn.ErrUnavailable, "the leader has changed (%v); nothing was done, try again", err)
	}
	// Leadership lost, Raft shut down, the log's write failed: the entry had
	// reached Raft, and a later leader may have it.
	return firn.Errorf(firn.ErrUnknown, "the append may have been done: %v; repeat it with the same ids", err)
}
