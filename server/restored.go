package server

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/raftlog"
)

// restoredStore is the content of the file that a restored store has until its
// Raft log begins: where the store stands.
type restoredStore struct {
	Format int    `json:"format"`
	Index  uint64 `json:"index"`
	Term   uint64 `json:"term"`
}

// restored returns where a restored store stands whose Raft log has not begun;
// ok is false for any other directory.
func (d *dataDir) restored() (r restoredStore, ok bool, err error) {
	f, err := d.fs.Open(d.sub(restoredFile))
	if errors.Is(err, os.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	defer f.Close()
	if err := json.NewDecoder(f).Decode(&r); err != nil || r.Index == 0 || r.Term == 0 {
		return r, false, firn.Errorf(firn.ErrDamaged, "%s does not say where a restored store stands (%v); restore it again", d.sub(restoredFile), err)
	}
	if r.Format != dirFormat {
		return r, false, firn.Errorf(firn.ErrUnsupported, "the restored store in %s has format %d; this release knows format %d: use the release that restored it, or a later one", d.path, r.Format, dirFormat)
	}
	return r, true, nil
}

// beginRestored makes the Raft log of a restored store begin where the store
// stands, with this node as the only member. A start that was cut off does it
// again: nothing was added to the log before.
func (d *dataDir) beginRestored(log *raftlog.Log, only replication.Server) error {
	r, ok, err := d.restored()
	if err != nil || !ok {
		return err
	}
	if err := replication.Restart(log, r.Index, r.Term, only); err != nil {
		return err
	}
	if err := d.fs.Remove(d.sub(restoredFile)); err != nil {
		return err
	}
	return d.sync()
}
