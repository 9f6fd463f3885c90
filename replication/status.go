package replication

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// Status is the cluster as one node sees it. The node's own line is exact; the
// others' are at most two exchanges old.
type Status struct {
	Leader string // "": none is known
	Term   uint64
	Commit uint64       // index that this node knows as committed
	Nodes  []NodeStatus // in the order of the configuration

	// What is wrong with this node or between the replicas; "": nothing.
	Trouble string
}

// NodeStatus is one member.
type NodeStatus struct {
	ID   string
	Role Role
	Up   bool

	Client, Peer, HTTP string // addresses; empty where not heard yet

	Applied  uint64 // index of the last command applied
	Lag      uint64 // how many indexes that is behind the furthest member
	Version  string
	DiskFree uint64

	ClockAhead float64 // seconds by which its clock is ahead of this node's
}

// Role is what a member is in the cluster.
type Role string

// The roles, as they are printed.
const (
	RoleVoter   Role = "voter"
	RoleLearner Role = "learner" // becomes a voter when it has caught up
	RoleReplica Role = "replica" // serves reads only, until it is promoted
)

// Status returns the cluster as this node sees it.
func (n *Node) Status() Status {
	_, leader := n.raft.LeaderWithID()
	s := Status{Leader: string(leader), Term: n.raft.CurrentTerm(), Commit: n.raft.CommitIndex(), Trouble: n.trouble()}
	furthest := uint64(0)
	for _, m := range n.members() {
		ns := NodeStatus{ID: string(m.ID), Peer: string(m.Address), Role: RoleVoter}
		var r report
		if ns.ID == n.o.ID {
			r, ns.Up = n.report(), n.failure() == nil
		} else {
			p := n.exchange.peer(ns.ID)
			r, ns.Up, ns.ClockAhead = p.report, p.up, p.offset.Seconds()
		}
		if m.Suffrage != raft.Voter {
			ns.Role = RoleLearner
			if r.Replica || n.replicas.has(ns.ID) {
				ns.Role = RoleReplica
			}
		}
		ns.Client, ns.HTTP, ns.Applied, ns.Version, ns.DiskFree = r.Client, r.HTTP, r.Applied, r.Version, r.DiskFree
		furthest = max(furthest, ns.Applied)
		s.Nodes = append(s.Nodes, ns)
	}
	for i := range s.Nodes {
		s.Nodes[i].Lag = furthest - s.Nodes[i].Applied
	}
	return s
}

// trouble says in words what keeps this node from serving.
func (n *Node) trouble() string {
	if err := n.failure(); err != nil {
		return err.Error()
	}
	if err := n.diverged.Load(); err != nil {
		return err.Error()
	}
	if n.space.full.Load() {
		return n.space.err().Error()
	}
	if err := n.clockTrouble(); err != nil {
		return err.Error()
	}
	if ahead, _ := n.clockOff(); ahead.Abs() > clockWarn {
		return fmt.Sprintf("this node's clock is %v ahead of the other members'; above %v in either direction it does not append", ahead, clockRefuse)
	}
	if !n.admission.admitted.Load() && len(n.memberList()) > 0 {
		return "this node waits until a majority of the members has answered it for the first time"
	}
	return ""
}
