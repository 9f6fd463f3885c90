package replication

import (
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/planted"
	"github.com/firndb/firn/replication/raftlog"
)

// adoptImage puts the log behind an image that was received, which the machine
// has swapped in when it was opened. Raft, left to itself, keeps a divergent
// suffix of the log after an image and then refuses the leader's entries for
// ever.
func adoptImage(log *raftlog.Log, machine Machine) error {
	_, meta, ok := log.Received()
	if !ok {
		return nil
	}
	if done, _ := machine.Applied(); done < meta.Index && !planted.Is(planted.ImageNotInPlace) {
		return firn.Errorf(firn.ErrDamaged, "an image at index %d was received, but the store opened holds the log only up to %d; the image is not where it was put", meta.Index, done)
	}
	return log.Adopt()
}

// checkStart compares the log with what the machine durably holds. Raft
// believes its own record of a snapshot; this replica's data is elsewhere, and
// may be older than the record says (a directory copied back, a lost file).
func checkStart(log *raftlog.Log, machine Machine) error {
	if planted.Is(planted.ImageNotInPlace) { // the record of a snapshot is believed
		return nil
	}
	const remedy = "remove this node from the cluster and add it anew with an empty directory"
	done, _ := machine.Applied()
	snapshot, _ := log.Snapshot()
	first, last, err := bounds(log)
	if err != nil {
		return err
	}
	switch {
	case snapshot.Index > done:
		return firn.Errorf(firn.ErrDamaged, "the log was shortened because the store held everything up to index %d, but the store holds it only up to %d; %s", snapshot.Index, done, remedy)
	case last > 0 && first > done+1:
		return firn.Errorf(firn.ErrDamaged, "the store holds the log up to index %d, and the log begins at %d: the entries in between are lost; %s", done, first, remedy)
	case done > max(last, snapshot.Index):
		return firn.Errorf(firn.ErrDamaged, "the store holds the log up to index %d, but the log ends at %d: its end is lost, and with it this node's vote; %s", done, max(last, snapshot.Index), remedy)
	}
	return nil
}

// bootstrap writes the first configuration into an empty log. The library writes
// two things for it, one after the other: term 1, then entry 1. A node whose
// power was lost in between has been in use for the library, and would wait for
// ever to be added to a cluster that does not exist yet; so what is missing is
// written here.
func (n *Node) bootstrap(config *raft.Config, snapshots raft.SnapshotStore) error {
	if len(n.o.Bootstrap) == 0 {
		return nil
	}
	used, err := raft.HasExistingState(n.o.Log, n.o.Log, snapshots)
	if err != nil {
		return err
	}
	var first raft.Configuration
	for _, s := range n.o.Bootstrap {
		first.Servers = append(first.Servers, raft.Server{ID: raft.ServerID(s.ID), Address: raft.ServerAddress(s.Peer)})
	}
	if !used {
		err = raft.BootstrapCluster(config, n.o.Log, n.o.Log, snapshots, n.transport, first)
	} else if half, halfErr := n.halfBootstrapped(); halfErr != nil {
		return halfErr
	} else if half {
		err = n.o.Log.StoreLog(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(first)})
	}
	if err != nil {
		return fmt.Errorf("replication: bootstrap: %w", err)
	}
	return nil
}

// halfBootstrapped reports whether term 1 is all that Raft has ever written here.
// Nobody is elected in that term: whoever stands for election begins a later one.
func (n *Node) halfBootstrapped() (bool, error) {
	last, err := n.o.Log.LastIndex()
	if err != nil {
		return false, err
	}
	term, err := n.o.Log.GetUint64([]byte("CurrentTerm"))
	_, snapshot := n.o.Log.Snapshot()
	return last == 0 && !snapshot && term == 1, err
}

// collect reads the configurations that were committed before this start.
func (c *configurations) collect(log *raftlog.Log, applied uint64) error {
	snapshot, ok := log.Snapshot()
	if ok {
		c.add(snapshot.ConfigurationIndex, snapshot.Configuration)
	}
	_, last, err := bounds(log)
	if err != nil {
		return err
	}
	err = eachEntry(log, snapshot.Index+1, min(applied, last), func(e *raft.Log) error {
		if e.Type == raft.LogConfiguration {
			c.add(e.Index, raft.DecodeConfiguration(e.Data))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("replication: %w", err)
	}
	return nil
}

// bounds returns the indexes of the first and the last entry; 0, 0: there is none.
func bounds(log *raftlog.Log) (first, last uint64, err error) {
	if first, err = log.FirstIndex(); err == nil {
		last, err = log.LastIndex()
	}
	return first, last, err
}

// eachEntry reads entries, up to the last one inclusive, in order.
func eachEntry(log *raftlog.Log, first, last uint64, see func(*raft.Log) error) error {
	for i := first; i <= last; i++ {
		e, err := log.Entry(i)
		if err != nil {
			return fmt.Errorf("entry %d of the log: %w", i, err)
		}
		if err := see(e); err != nil {
			return err
		}
	}
	return nil
}
