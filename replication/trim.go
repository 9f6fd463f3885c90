package replication

import (
	"time"

	"github.com/hashicorp/raft"
)

// runTrim shortens the log when it has grown by so many bytes since the last
// time. Raft counts entries, and one may have anything from a hundred bytes to
// megabytes; so its own snapshots are off, and the number of entries to keep
// is set from bytes each time.
func (n *Node) runTrim() {
	tick := time.NewTicker(max(n.o.Timing.Exchange/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-n.closing:
			return
		}
		if err := n.trim(); err != nil {
			n.log.Warn("shorten the log", "error", err)
		}
	}
}

// imageTrailing times as much of the log is kept while an image travels.
const imageTrailing = 8

// trim takes a snapshot where one is due.
func (n *Node) trim() error {
	newest, _ := n.o.Log.Snapshot()
	last, err := n.o.Log.LastIndex()
	if err != nil || n.failure() != nil {
		return err
	}
	// Due once the entries behind the snapshot no longer fit into the limit.
	if n.o.Log.IndexForBytes(n.o.Limits.SnapshotBytes) <= newest.Index+1 {
		return nil
	}
	if done, _ := n.o.Machine.Applied(); done <= newest.Index {
		return nil
	}
	from := n.o.Log.IndexForBytes(n.o.Limits.TrailingBytes)
	if image, ok := n.images.needed(); ok {
		// A replica that was sent an image needs what came since, or it would
		// need the next image at once. Only so much is kept for it, though.
		from = max(min(from, image+1), n.o.Log.IndexForBytes(imageTrailing*n.o.Limits.TrailingBytes))
	}
	kept := last + 1 - min(last+1, from)
	reload := n.raft.ReloadableConfig()
	reload.TrailingLogs = kept
	if err := n.raft.ReloadConfig(reload); err != nil {
		return err
	}
	err = await(n.ctx, n.raft.Snapshot())
	if err == raft.ErrNothingNewToSnapshot || n.isClosing() {
		return nil
	}
	if err == nil {
		first, _ := n.o.Log.FirstIndex()
		n.log.Debug("the log was shortened", "first", first, "last", last, "kept", kept)
	}
	return err
}
