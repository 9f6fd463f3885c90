package replication

import (
	"errors"
	"log/slog"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/replication/raftlog"
)

// Options says how to open a node. The first group must be set. The node uses
// Log, Port and Machine, but does not close them: who opened them does, after
// Close.
type Options struct {
	ID      string
	Log     *raftlog.Log
	Port    *peer.Port
	Machine Machine

	// Bootstrap lists the first voters of a new cluster, the same on each of
	// them. It is looked at only where the log is empty. An empty log without
	// it waits to be added to a cluster.
	Bootstrap []Server

	// Self is what this node tells the others about itself.
	Self Self

	// OnFatal is called once, on a goroutine of its own, when this replica must
	// not go on. It takes no part in the cluster any more; the machine can still
	// be read.
	OnFatal func(error)

	// OnRestart is called, on a goroutine of its own, when the replica must be
	// closed and opened again in this process: node, machine and log.
	OnRestart func(reason string)

	Timing Timing
	Limits Limits

	// BeforeWrite is called before each write to the log, for tests of disks
	// that are slow. Default: nothing.
	BeforeWrite func()

	// Now is the wall clock, which stamps proposals. Default: time.Now.
	Now func() time.Time

	Logger  *slog.Logger
	Metrics Metrics

	rules rules // which containments hold: all, but in tests of what they contain
}

// Server is a member of the cluster.
type Server struct {
	ID   string
	Peer string // address of its peer port
}

// Self is what a node tells the others about itself.
type Self struct {
	Client  string // address for clients
	HTTP    string
	Version string // of the software, to be shown

	// Replica says that this node serves reads only: Promote makes it a voter,
	// and nothing else does.
	Replica bool

	// DiskFree is asked each second how many bytes are free where the log and
	// the machine are. Default: nobody asks.
	DiskFree func() (uint64, error)

	// DiskReserve is how many bytes must be free for a node to take part. It
	// takes part again above twice that.
	DiskReserve uint64
}

// Timing is how long things may take. Zero means the default.
type Timing struct {
	Heartbeat time.Duration // without one for this long, a follower stands for election; 300 ms
	Stall     time.Duration // a write to the log or an apply that takes longer ends the node; 4 s
	Refusal   time.Duration // so does a leader that refuses appends for longer; 3 s
	Exchange  time.Duration // how often nodes ask each other for their status; 1 s
}

// Limits bounds memory and disk. Zero means the default.
type Limits struct {
	QueueBytes    int64  // appends waiting or in flight; 128 MiB
	SnapshotBytes uint64 // how far the log grows before it is shortened; 64 MiB
	TrailingBytes uint64 // how much of it is kept for replicas that are behind; 128 MiB
}

// Metrics is told what happened. Every field may be nil.
type Metrics struct {
	Entry  func(items, bytes int, took time.Duration) // a Raft entry of this leader was applied
	Leader func(bool)                                 // this node became the leader, or ceased to be
	Round  func(reads int, took time.Duration)        // one confirmation served so many reads
}

func (o *Options) setDefaults() error {
	var faults []error
	fault := func(bad bool, text string) {
		if bad {
			faults = append(faults, errors.New(text))
		}
	}
	fault(o.ID == "" || len(o.ID) > 64, "ID must have 1 to 64 bytes")
	fault(o.Log == nil, "Log must be set")
	fault(o.Port == nil, "Port must be set")
	fault(o.Machine == nil, "Machine must be set")
	fault(o.OnFatal == nil, "OnFatal must be set")
	fault(o.OnRestart == nil, "OnRestart must be set")
	fault(o.Timing.Heartbeat < 0 || o.Timing.Heartbeat > 0 && o.Timing.Heartbeat < 20*time.Millisecond, "Timing.Heartbeat must be at least 20 ms")
	named := len(o.Bootstrap) == 0
	for _, s := range o.Bootstrap {
		fault(s.ID == "" || s.Peer == "", "Bootstrap has a server without id or peer address")
		named = named || s.ID == o.ID
	}
	fault(!named, "Bootstrap does not list this node")
	if err := errors.Join(faults...); err != nil {
		return firn.Errorf(firn.ErrInvalid, "replication: %v", err)
	}
	orDuration(&o.Timing.Heartbeat, 300*time.Millisecond)
	orDuration(&o.Timing.Stall, 4*time.Second)
	orDuration(&o.Timing.Refusal, 3*time.Second)
	orDuration(&o.Timing.Exchange, time.Second)
	if o.Limits.QueueBytes == 0 {
		o.Limits.QueueBytes = 128 << 20
	}
	if o.Limits.SnapshotBytes == 0 {
		o.Limits.SnapshotBytes = 64 << 20
	}
	if o.Limits.TrailingBytes == 0 {
		o.Limits.TrailingBytes = 128 << 20
	}
	if o.BeforeWrite == nil {
		o.BeforeWrite = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func orDuration(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}
