package replication

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/planted"
)

// reads serves linearizable reads. What such a read needs is an index: once
// this replica has applied it, the machine holds everything that was
// acknowledged anywhere before the read arrived.
//
// The leader takes its commit index, and then makes sure that it was still the
// leader at some moment after the read had arrived: a majority must answer, in
// its term, an AppendEntries that was sent after that. The library's
// VerifyLeader counts answers to older calls, and those of members without a
// vote; here it only makes the heartbeats leave at once.
//
// One round serves everything that waited when it began. What arrives
// meanwhile waits for the next one.
type reads struct {
	node *Node
	wake chan struct{}

	mu      sync.Mutex
	waiting []chan roundEnd
}

type roundEnd struct {
	index uint64
	err   error
}

// ReadIndex returns when the machine of this node may answer a linearizable
// read that arrived before the call. Any node can do it; one that is not the
// leader asks the leader.
//
// Errors: [firn.ErrUnavailable] when there is no leader or it cannot be
// reached, or the context's.
func (n *Node) ReadIndex(ctx context.Context) error {
	index, err := n.reads.index(ctx)
	if err != nil {
		return err
	}
	if planted.Is(planted.ReadBeforeApplied) { // what is committed may not be there yet
		return nil
	}
	return n.o.Machine.WaitApplied(ctx, index)
}

func (r *reads) index(ctx context.Context) (uint64, error) {
	if err := r.node.serving(); err != nil {
		return 0, err
	}
	end := make(chan roundEnd, 1)
	r.mu.Lock()
	r.waiting = append(r.waiting, end)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	select {
	case e := <-end:
		return e.index, e.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-r.node.closing:
		return 0, errClosed
	}
}

// run holds one round after the other.
func (r *reads) run() {
	for {
		select {
		case <-r.wake:
		case <-r.node.closing:
			return
		}
		r.mu.Lock()
		waiting := r.waiting
		r.waiting = nil
		r.mu.Unlock()
		if len(waiting) == 0 {
			continue
		}
		start := time.Now()
		index, err := r.round()
		for _, w := range waiting {
			w <- roundEnd{index, err}
		}
		if f := r.node.o.Metrics.Round; f != nil && err == nil {
			f(len(waiting), time.Since(start))
		}
	}
}

// round finds the index for reads that have arrived.
func (r *reads) round() (uint64, error) {
	n := r.node
	ctx, cancel := context.WithTimeout(n.ctx, 4*n.o.Timing.Heartbeat)
	defer cancel()
	if term, ok := n.leading(); ok {
		return r.lead(ctx, term)
	}
	return n.askReadIndex(ctx)
}

// lead is a round on the leader of a term.
func (r *reads) lead(ctx context.Context, term uint64) (uint64, error) {
	n := r.node
	commit, err := n.ownCommit(ctx, term)
	if err != nil {
		return 0, err
	}
	if n.o.rules.verifyLeader {
		if err := n.raft.VerifyLeader().Error(); err != nil {
			return 0, n.notLeader()
		}
		return n.lastCommand(commit)
	}
	if err := n.confirm(ctx, term); err != nil {
		return 0, err
	}
	return n.lastCommand(commit)
}

// confirm returns once a majority has answered, in this term, a call sent
// after confirm was called.
func (n *Node) confirm(ctx context.Context, term uint64) error {
	mark := n.transport.mark()
	others, needed := n.quorum()
	if needed == 0 {
		return nil
	}
	// The heartbeats leave now. What the library makes of their answers is of
	// no interest.
	n.raft.VerifyLeader()
	for {
		count, more := n.transport.confirmed(others, term, mark)
		if count >= needed {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return firn.Errorf(firn.ErrUnavailable, "a majority did not confirm in time that node %s still leads; try again", n.o.ID)
		}
		if now, ok := n.leading(); !ok || now != term {
			return n.notLeader()
		}
	}
}

// quorum returns the other voters, and how many of them make a majority
// together with this node, if it votes.
func (n *Node) quorum() (others []raft.ServerID, needed int) {
	voters := 0
	for _, s := range n.members() {
		if s.Suffrage != raft.Voter {
			continue
		}
		voters++
		if string(s.ID) != n.o.ID {
			others = append(others, s.ID)
		}
	}
	needed = voters/2 + 1
	if len(others) < voters {
		needed--
	}
	return others, needed
}

// ownCommit returns the commit index once it covers an entry of the leader's
// own term. Before that, it may lie behind what earlier leaders acknowledged.
func (n *Node) ownCommit(ctx context.Context, term uint64) (uint64, error) {
	for {
		commit := n.raft.CommitIndex()
		if commit > 0 {
			if t, _, err := n.disk.entry(commit); err == nil && t == term {
				return commit, nil
			}
		}
		select {
		case <-time.After(n.o.Timing.Heartbeat / 100): // only in the first moments of a term
		case <-ctx.Done():
			return 0, firn.Errorf(firn.ErrUnavailable, "node %s was elected and has not committed anything yet; try again", n.o.ID)
		}
		if now, ok := n.leading(); !ok || now != term {
			return 0, n.notLeader()
		}
	}
}

// lastCommand returns the index of the last command at or below commit: that is
// what a machine can wait for, as it does not see Raft's own entries.
func (n *Node) lastCommand(commit uint64) (uint64, error) {
	done, _ := n.o.Machine.Applied()
	for i := commit; i > done; i-- {
		_, kind, err := n.disk.entry(i)
		if err != nil {
			return 0, firn.Errorf(firn.ErrInternal, "entry %d of the log: %v", i, err)
		}
		if kind == raft.LogCommand {
			return i, nil
		}
	}
	return min(done, commit), nil
}

// leading returns the term that this node leads.
func (n *Node) leading() (term uint64, ok bool) {
	term = n.raft.CurrentTerm()
	return term, n.raft.State() == raft.Leader && n.raft.CurrentTerm() == term
}
