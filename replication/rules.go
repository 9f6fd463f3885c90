package replication

import (
	"time"

	"github.com/hashicorp/raft"
)

// rules switches containments of the library's defects off, and nothing else.
// The zero value, which is what every caller outside this package's tests has,
// holds them all. A test of a defect opens a node with the upstream behaviour,
// shows the defect, and then shows that it is gone without the switch.
type rules struct {
	fastHeartbeats bool // heartbeats pass Raft's main goroutine by
	pipelining     bool // a second request follows before the first is answered
	largeRequests  bool // 64 entries a request
	noWatchdogs    bool // nobody looks at how long a write takes, or whether it fails
	verifyLeader   bool // reads trust VerifyLeader's answer
	anyDisk        bool // a member may come back with an empty disk
	unchecked      bool // what lies on disk is not compared at start

	wrapLog func(raft.LogStore) raft.LogStore // puts faults between Raft and its disk
	hold    func(id raft.ServerID)            // called when an answer to AppendEntries has come
}

// config is Raft's configuration for these options.
func (o *Options) config() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(o.ID)
	c.HeartbeatTimeout = o.Timing.Heartbeat
	c.ElectionTimeout = o.Timing.Heartbeat
	c.LeaderLeaseTimeout = o.Timing.Heartbeat / 2
	c.CommitTimeout = o.Timing.Heartbeat / 15 // how late a follower may learn, in a quiet moment, that an entry is committed
	// Heartbeats wait behind requests, so requests are kept short.
	c.MaxAppendEntries = requestEntries
	if o.rules.largeRequests {
		c.MaxAppendEntries = 64
	}
	c.BatchApplyCh = true
	c.NoSnapshotRestoreOnStart = true // a snapshot is a record; the data is the machine's own
	c.ShutdownOnRemove = false
	c.NoLegacyTelemetry = true
	// Snapshots are taken by bytes, see trim.go.
	c.SnapshotInterval = 24 * time.Hour
	c.SnapshotThreshold = 1 << 60
	c.TrailingLogs = 1 << 60
	c.Logger = newLogger(o.Logger.With("part", "raft"))
	return c
}

// requestEntries is how many entries one AppendEntries carries at most. With
// entries of 512 KiB, 64 of them starved the heartbeats until the leader was lost.
const requestEntries = 4
