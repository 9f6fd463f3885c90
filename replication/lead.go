package replication

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// watchLeadership follows this node's becoming and ceasing to be the leader.
func (n *Node) watchLeadership() {
	for {
		select {
		case leads := <-n.raft.LeaderCh():
			if f := n.o.Metrics.Leader; f != nil {
				f(leads)
			}
			n.log.Info("leadership", "leads", leads, "term", n.raft.CurrentTerm())
			if leads {
				n.watchSpace() // before appends come that nobody may have room for
			}
			n.leadership.turn()
			n.exchange.now()
			n.foundCluster()
		case <-n.closing:
			return
		}
	}
}

// leadOn is what a leader does beside serving appends, after each exchange.
func (n *Node) leadOn() {
	if _, ok := n.leading(); !ok || n.failure() != nil {
		return
	}
	n.raiseVersion()
	n.promoteLearners()
	n.stepAside()
}

// foundCluster gives a new cluster its identity. It is asked for by the leader
// once all that earlier leaders have committed is applied here, and one leader's
// proposal cannot commit after the next one's first entry; so there is one.
func (n *Node) foundCluster() {
	for {
		term, leads := n.leading()
		if cluster, _ := n.o.Machine.Identity(); !leads || cluster != ([16]byte{}) || n.serving() != nil {
			return
		}
		n.found(term)
		select {
		case <-time.After(n.o.Timing.Heartbeat / 10):
		case <-n.closing:
		}
	}
}

// found tries once, and waits for what must be there first.
func (n *Node) found(term uint64) {
	ctx, cancel := context.WithTimeout(n.ctx, 4*n.o.Timing.Heartbeat)
	defer cancel()
	commit, err := n.ownCommit(ctx, term)
	if err != nil {
		return
	}
	last, err := n.lastCommand(commit)
	if err == nil {
		err = n.o.Machine.WaitApplied(ctx, last)
	}
	if cluster, _ := n.o.Machine.Identity(); err != nil || cluster != ([16]byte{}) {
		return
	}
	var identity command.Found
	rand.Read(identity.Cluster[:]) // never fails, see crypto/rand
	rand.Read(identity.History[:])
	n.proposeOwn(ctx, "found the cluster", &identity)
}

// raiseVersion moves the cluster version when every member knows a higher one,
// with or without a vote. One that does not answer may come back with an older
// release, so as long as one is down the version stays.
func (n *Node) raiseVersion() {
	lowest := n.o.Machine.Knows()
	for _, m := range n.others() {
		p := n.exchange.peer(m.ID)
		if !p.up {
			return
		}
		lowest = min(lowest, p.report.Knows)
	}
	if cluster, _ := n.o.Machine.Identity(); cluster == ([16]byte{}) || lowest <= n.o.Machine.ClusterVersion() {
		return
	}
	ctx, cancel := context.WithTimeout(n.ctx, 4*n.o.Timing.Heartbeat)
	defer cancel()
	n.proposeOwn(ctx, "raise the cluster version", &command.Version{To: lowest})
}

// proposeOwn proposes what the leader itself wants. It is tried again after
// the next exchange.
func (n *Node) proposeOwn(ctx context.Context, what string, item command.Item) {
	result, err := n.queue.propose(ctx, command.AppendItem(nil, item))
	if err == nil && result.Err != nil {
		err = result.Err
	}
	if err != nil {
		n.log.Warn(what, "error", err)
		return
	}
	n.log.Info(what)
	n.exchange.now()
}

// promoteLearners gives a vote to those that have caught up: that have applied
// all that was committed when the previous exchange ended.
func (n *Node) promoteLearners() {
	before := n.committedBefore
	n.committedBefore = n.raft.CommitIndex()
	if last, err := n.lastCommand(before); err == nil {
		before = last
	}
	for _, s := range n.members() {
		p := n.exchange.peer(string(s.ID))
		if s.Suffrage == voter || !p.up || p.report.Replica || !p.report.Admitted || p.report.Full || before == 0 || p.report.Applied < before {
			continue
		}
		// A voter counts in the leader's lease at once, so it must not be about to take
		// in an image, nor be left alone by the library, as it is for up to the length
		// of the lease after a heartbeat that failed.
		if !n.transport.follows(s.ID, n.raft.CurrentTerm(), n.o.Timing.Heartbeat/4) {
			continue
		}
		n.log.Info("a learner has caught up and becomes a voter", "member", s.ID, "applied", p.report.Applied)
		ctx, cancel := context.WithTimeout(n.ctx, 4*n.o.Timing.Heartbeat)
		if err := n.change(ctx, n.raft.AddVoter(s.ID, s.Address, 0, configurationWait)); err != nil {
			n.log.Warn("make a learner a voter", "member", s.ID, "error", err)
		}
		cancel()
	}
}

// stepAside hands leadership on where another member can lead and this one
// should not: its disk is full, or its clock is off.
func (n *Node) stepAside() {
	ahead, off := n.clockOff()
	full := n.space.full.Load()
	if !off && !full || n.successor() == "" {
		return
	}
	ctx, cancel := context.WithTimeout(n.ctx, 4*n.o.Timing.Heartbeat)
	defer cancel()
	n.log.Warn("this node hands leadership on", "disk_full", full, "clock_ahead", ahead)
	if err := n.Transfer(ctx, ""); err != nil {
		n.log.Warn("hand leadership on", "error", err)
	}
}

// configurationWait is how long a change of the members waits for an earlier
// one to be committed.
const configurationWait = 5 * time.Second

const voter = raft.Voter

// await waits for one of Raft's futures. Raft may lose one when it shuts down,
// so nobody waits for a future alone.
func await(ctx context.Context, future raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- future.Error() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return firn.Errorf(firn.ErrUnknown, "Raft did not answer in time (%v)", ctx.Err())
	}
}
