package replication

import (
	"context"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn/replication/raftlog"
)

// Rules lets tests switch containments off.
type Rules = rules

// NewRules makes rules by naming their switches.
func NewRules(change func(*TestRules)) Rules {
	var t TestRules
	change(&t)
	return rules{
		fastHeartbeats: t.FastHeartbeats, pipelining: t.Pipelining, largeRequests: t.LargeRequests,
		noWatchdogs: t.NoWatchdogs, verifyLeader: t.VerifyLeader, anyDisk: t.AnyDisk, unchecked: t.Unchecked,
		wrapLog: t.WrapLog, hold: t.Hold,
	}
}

// TestRules are the switches of rules, by names that other packages can use.
type TestRules struct {
	FastHeartbeats, Pipelining, LargeRequests, NoWatchdogs bool
	VerifyLeader, AnyDisk, Unchecked                       bool

	WrapLog func(raft.LogStore) raft.LogStore
	Hold    func(raft.ServerID)
}

// OpenWith opens a node with some containments off.
func OpenWith(o Options, r Rules) (*Node, error) {
	o.rules = r
	return Open(o)
}

// Raft gives the library's node.
func (n *Node) Raft() *raft.Raft { return n.raft }

// CloseHard closes without handing leadership on, as near to a crash as a
// process can do to a part of itself.
func (n *Node) CloseHard() error {
	n.closeOnce.Do(func() { n.closed = n.close(false) })
	return n.closed
}

// RoundIndex is the index of a linearizable read.
func (n *Node) RoundIndex(ctx context.Context) (uint64, error) { return n.reads.index(ctx) }

// Waiting is how many items are queued or on their way.
func (n *Node) Waiting() int {
	n.queue.mu.Lock()
	defer n.queue.mu.Unlock()
	count := len(n.queue.queue)
	for _, items := range n.queue.flights {
		count += len(items)
	}
	return count
}

// Hole looks for a command between two indexes of a log.
func Hole(log *raftlog.Log, below, above uint64) error {
	f := fsm{disk: &disk{LogStore: log, kept: log}}
	return f.noHole(below, above)
}

// Forget makes the others count as down until they are asked again.
func (n *Node) Forget() {
	n.exchange.mu.Lock()
	defer n.exchange.mu.Unlock()
	for _, p := range n.exchange.peers {
		p.up = false
	}
}
