package replication

import (
	"encoding/json"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/raftlog"
)

// admission keeps a member from coming back with an empty disk. Its vote would
// be forgotten, so it could vote twice in a term, and entries that it had
// acknowledged would be missing from a majority that counts on them.
//
// Every directory gets an id when it is first used. Members tell each other
// theirs, and each records, for good, the first that it hears of a member. A
// new directory takes no part in Raft (its gate is closed) until a majority of
// the members has recorded its id; a member that has recorded another one
// refuses it, and then the node ends, in words. A member's record goes when the
// member is removed, so that its name can join anew.
type admission struct {
	// set at Open, then read only
	log  *raftlog.Log
	disk firn.ID

	admitted atomic.Bool

	mu    sync.Mutex
	disks map[string]firn.ID // what is recorded, as it is on disk
}

// The names under which the log keeps what is recorded here, beside Raft's own.
var (
	nameDisk     = []byte("FirnDisk")
	nameAdmitted = []byte("FirnAdmitted")
	nameDisks    = []byte("FirnDisks")
)

// load reads what was recorded. A directory that is used for the first time
// gets its id.
func (a *admission) load() error {
	a.disks = make(map[string]firn.ID)
	if b, err := a.log.Get(nameDisks); err == nil {
		if err := json.Unmarshal(b, &a.disks); err != nil {
			return firn.Errorf(firn.ErrDamaged, "the members' disks in the Raft log cannot be read: %v", err)
		}
	}
	if done, err := a.log.GetUint64(nameAdmitted); err != nil {
		return err
	} else if done != 0 {
		a.admitted.Store(true)
	}
	b, err := a.log.Get(nameDisk)
	if err == nil && len(b) == len(a.disk) {
		copy(a.disk[:], b)
		return nil
	}
	a.disk = firn.NewID()
	return a.log.Set(nameDisk, a.disk[:])
}

// judge says whether a node's disk is the one that is recorded, and records it
// where there is no other. A disk that a majority has admitted, or one of a
// node that is no member here, takes the place of another.
func (a *admission) judge(id string, disk firn.ID, admitted, member bool) (recorded bool, refused string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.disks[id]
	if known == disk {
		return true, ""
	}
	if !known.IsZero() && member && !admitted {
		return false, "it is a member whose disk was another one (" + known.String() + ", now " + disk.String() + ")"
	}
	next := maps.Clone(a.disks)
	next[id] = disk
	return a.record(next), ""
}

// prune forgets nodes that are members no more.
func (a *admission) prune(members raft.Configuration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := make(map[string]firn.ID)
	for _, s := range members.Servers {
		if disk, ok := a.disks[string(s.ID)]; ok {
			next[string(s.ID)] = disk
		}
	}
	if len(next) < len(a.disks) {
		a.record(next)
	}
}

// record makes next what is recorded. The log ends the node when it cannot.
func (a *admission) record(next map[string]firn.ID) bool {
	if err := a.log.Set(nameDisks, encode(next)); err != nil {
		return false
	}
	a.disks = next
	return true
}

// seekAdmission opens the gate once a majority of the voters knows this disk.
func (n *Node) seekAdmission() {
	a := &n.admission
	if a.admitted.Load() {
		return
	}
	voters, knowing := 0, 0
	for _, m := range n.memberList() {
		if !m.Voter {
			continue
		}
		voters++
		if p := n.exchange.peer(m.ID); m.ID == n.o.ID || p.up && p.knows {
			knowing++
		}
	}
	if voters == 0 || knowing < voters/2+1 {
		return
	}
	if err := a.log.SetUint64(nameAdmitted, 1); err != nil {
		return // the log ends the node
	}
	a.admitted.Store(true)
	n.transport.admit(gateAdmission)
	n.log.Info("this node's disk is known to a majority; it takes part from now on", "disk", a.disk)
}

// refused ends a node whose disk is not the one that the members know.
func (n *Node) refused(by, why string) {
	if n.admission.admitted.Load() {
		return
	}
	n.fatal(firn.Errorf(firn.ErrInvalid, "node %s refuses node %s: %s; a member that comes back without its data could vote twice. Remove %s from the cluster (firn cluster remove %s), then start it with --join and an empty directory", by, n.o.ID, why, n.o.ID, n.o.ID))
}

// listed reports whether a node is a member.
func (n *Node) listed(id string) bool {
	for _, s := range n.members() {
		if string(s.ID) == id {
			return true
		}
	}
	return false
}
