package server

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/replication/peer"
)

// Surroundings are what a node stands on and cannot tell from a machine. A
// whole cluster on simulated ones runs in virtual time, and its disks can lose
// power. Zero means the machine's own.
type Surroundings struct {
	FS      vfs.FS           // where the data directory is
	Peers   peer.Network     // how nodes reach each other; default Config.Peers
	Clients peer.Network     // how clients reach this node, and this node a cluster that it joins
	Now     func() time.Time // the wall clock, which stamps what is appended
	Store   engine.Settings  // of a store that is begun here; the same on all nodes

	// Knows is the highest cluster version that the node says it can do: a later
	// release's, before there is one. Default: this release's.
	Knows uint64

	// LogTable is the size in bytes of a memory table of the Raft log, and so of its
	// files: what a disk in memory copies at each sync. Default: raftlog's.
	LogTable uint64

	// Called before each write to the Raft log, and before entries are applied:
	// a disk that is slow, or hangs. (In virtual time a file system must not
	// sleep: time stands still for those who wait for a lock that it holds.)
	BeforeWrite, BeforeApply func()
}

func (s Surroundings) orMachine(c *Config) Surroundings {
	if s.FS == nil {
		s.FS = vfs.Default
	}
	if s.Peers == nil {
		s.Peers = c.Peers
	}
	if s.Clients == nil {
		s.Clients = peer.TCP{}
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.BeforeApply == nil {
		s.BeforeApply = func() {}
	}
	return s
}

// StartIn is [Start] in surroundings of the caller's own.
func StartIn(c Config, s Surroundings) (*Node, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	n, err := start(c, s.orMachine(&c))
	if err != nil {
		return nil, err
	}
	if err := n.openDoors(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}
