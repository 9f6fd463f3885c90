package replication

import (
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/raftlog"
)

// Remains is what a node's log holds of a cluster whose majority is lost.
type Remains struct {
	Index, Term uint64   // of its last entry
	Voters      []Server // by the newest configuration, committed or not
	Pending     int      // commands that the machine has not applied; nobody says any more whether they were committed
}

// Remain looks at the log of a node that does not run, and changes nothing.
// applied is how far the node's machine is. Errors: ErrDamaged where entries
// that the machine needs are not there.
func Remain(log *raftlog.Log, applied uint64) (r Remains, err error) {
	snapshot, _ := log.Snapshot()
	r.Index, r.Term = snapshot.Index, snapshot.Term
	members := snapshot.Configuration
	first, last, err := bounds(log)
	if err != nil {
		return r, err
	}
	if snapshot.Index > applied || first > applied+1 {
		return r, firn.Errorf(firn.ErrDamaged, "the store holds the log up to index %d, and the log begins behind %d: entries in between are lost; recover from another node, or restore a backup", applied, max(snapshot.Index, first-1))
	}
	err = eachEntry(log, max(first, 1), last, func(e *raft.Log) error {
		r.Index, r.Term = e.Index, e.Term
		switch {
		case e.Type == raft.LogConfiguration:
			members = raft.DecodeConfiguration(e.Data)
		case e.Type == raft.LogCommand && e.Index > applied:
			r.Pending++
		}
		return nil
	})
	for _, s := range members.Servers {
		if s.Suffrage == voter {
			r.Voters = append(r.Voters, Server{ID: string(s.ID), Peer: string(s.Address)})
		}
	}
	return r, err
}

// ApplyPending applies the commands that the log holds above an index. One that
// was stored may have been acknowledged, so none is left out.
func ApplyPending(log *raftlog.Log, applied uint64, apply func(Entry) error) error {
	first, last, err := bounds(log)
	if err != nil {
		return err
	}
	return eachEntry(log, max(first, applied+1), last, func(e *raft.Log) error {
		if e.Type != raft.LogCommand {
			return nil
		}
		return apply(Entry{e.Index, e.Term, e.Data})
	})
}
