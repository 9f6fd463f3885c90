package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
)

// members returns the newest configuration, committed or not.
func (n *Node) members() []raft.Server {
	return n.raft.GetConfiguration().Configuration().Servers
}

// AddNonvoter adds a node that receives everything and has no vote. Unless its
// Self says Replica, it becomes a voter by itself as soon as it has caught up.
// Leader only. Adding a member again changes nothing; that it is one is committed
// once more, since this leader may be the only one to have it in its log.
func (n *Node) AddNonvoter(ctx context.Context, id, peer string) error {
	if id == "" || len(id) > 64 || peer == "" {
		return firn.Errorf(firn.ErrInvalid, "a member needs an id of 1 to 64 bytes and a peer address; got %q and %q", id, peer)
	}
	return n.change(ctx, n.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(peer), 0, configurationWait))
}

// Promote gives a member its vote at once, caught up or not. Leader only.
func (n *Node) Promote(ctx context.Context, id string) error {
	s, ok := n.member(id)
	if !ok {
		return n.notMember(id)
	}
	return n.change(ctx, n.raft.AddVoter(s.ID, s.Address, 0, configurationWait))
}

// Remove takes a member out, the leader itself included. Leader only.
func (n *Node) Remove(ctx context.Context, id string) error {
	s, ok := n.member(id)
	if !ok {
		return n.notMember(id)
	}
	voters := 0
	for _, m := range n.members() {
		if m.Suffrage == voter {
			voters++
		}
	}
	if s.Suffrage == voter && voters == 1 {
		return firn.Errorf(firn.ErrInvalid, "node %s is the only voter of the cluster and cannot be removed; add another one first", id)
	}
	return n.change(ctx, n.raft.RemoveServer(s.ID, 0, configurationWait))
}

// Transfer hands leadership to another voter, or with an empty id to the one
// that is up, has room, and is furthest. Leader only. While it runs, appends are
// refused.
func (n *Node) Transfer(ctx context.Context, id string) error {
	if err := n.mustLead(); err != nil {
		return err
	}
	if id == n.o.ID {
		return nil
	}
	if id == "" {
		if _, needed := n.quorum(); needed == 0 {
			return firn.Errorf(firn.ErrInvalid, "node %s is the only voter of the cluster; there is nobody to hand leadership to", n.o.ID)
		}
		if id = n.awaitSuccessor(ctx); id == "" {
			return firn.Errorf(firn.ErrUnavailable, "there is no other voter that is up and has room, so leadership stays with node %s", n.o.ID)
		}
	}
	s, ok := n.member(id)
	if !ok {
		return n.notMember(id)
	}
	if s.Suffrage != voter {
		return firn.Errorf(firn.ErrInvalid, "node %s has no vote, it cannot lead; promote it first", id)
	}
	if err := await(ctx, n.raft.LeadershipTransferToServer(s.ID, s.Address)); err != nil {
		return firn.Errorf(firn.ErrUnavailable, "leadership was not handed on to node %s: %v; try again", id, err)
	}
	return nil
}

// successor returns the voter that had come furthest when it was last heard,
// "" where none can lead. The library would also choose one that is down.
func (n *Node) successor() (id string) {
	furthest := uint64(0)
	for _, s := range n.members() {
		p := n.exchange.peer(string(s.ID))
		if s.Suffrage == voter && string(s.ID) != n.o.ID && p.up && !p.report.Full && p.report.Admitted && (id == "" || p.report.Applied > furthest) {
			id, furthest = string(s.ID), p.report.Applied
		}
	}
	return id
}

// awaitSuccessor is successor, after the others were asked anew where none could
// lead when they were last asked: that may be a second ago, when this cluster was
// just being started.
func (n *Node) awaitSuccessor(ctx context.Context) string {
	const rounds = 2 // one may be under way that began before
	end := n.exchange.rounds.Load() + rounds
	look := time.NewTicker(n.o.Timing.Heartbeat / 30)
	defer look.Stop()
	for {
		id := n.successor()
		if _, leads := n.leading(); id != "" || !leads || n.exchange.rounds.Load() >= end {
			return id
		}
		n.exchange.now()
		select {
		case <-look.C:
		case <-ctx.Done():
			return ""
		case <-n.closing:
			return ""
		}
	}
}

// change waits for a change of the members to be committed.
func (n *Node) change(ctx context.Context, future raft.IndexFuture) error {
	err := await(ctx, future)
	var known *firn.Error
	switch {
	case err == nil:
		n.exchange.now()
		return nil
	case errors.Is(err, raft.ErrNotLeader):
		return n.notLeader()
	case errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return firn.Errorf(firn.ErrUnavailable, "the members were not changed: %v; try again", err)
	case errors.As(err, &known):
		return known
	case errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrRaftShutdown):
		return firn.Errorf(firn.ErrUnknown, "leadership was lost while the members were being changed; look at the cluster's status")
	}
	return firn.Errorf(firn.ErrInvalid, "the members were not changed: %v", err)
}

func (n *Node) member(id string) (raft.Server, bool) {
	for _, s := range n.members() {
		if string(s.ID) == id {
			return s, true
		}
	}
	return raft.Server{}, false
}

func (n *Node) notMember(id string) error {
	if err := n.mustLead(); err != nil {
		return err
	}
	return firn.Errorf(firn.ErrNotFound, "node %q is no member; the members are %s", id, names(n.members()))
}

func names(servers []raft.Server) string {
	text := ""
	for i, s := range servers {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s (%s)", s.ID, s.Address)
	}
	return text
}
