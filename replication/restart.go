package replication

import (
	"github.com/hashicorp/raft"

	"github.com/firndb/firn/replication/raftlog"
)

// Restart makes a log begin behind an index that the machine holds, in a
// cluster whose only member is this node: for a store that was restored, or that
// goes on without its majority. What the log knew of entries, members and their
// disks goes; it may be done again. Raft must not be running.
func Restart(log *raftlog.Log, index, term uint64, only Server) error {
	if err := log.Set(nameDisks, []byte("{}")); err != nil {
		return err
	}
	// The first term to come must be above that of the last entry.
	current, err := log.GetUint64(nameTerm)
	if err == nil && current < term {
		err = log.SetUint64(nameTerm, term)
	}
	if err != nil {
		return err
	}
	return log.Reset(raft.SnapshotMeta{
		Index: index, Term: term, ConfigurationIndex: index,
		Configuration: raft.Configuration{Servers: []raft.Server{
			{Suffrage: raft.Voter, ID: raft.ServerID(only.ID), Address: raft.ServerAddress(only.Peer)},
		}},
	})
}

// nameTerm is Raft's own name for its term.
var nameTerm = []byte("CurrentTerm")
