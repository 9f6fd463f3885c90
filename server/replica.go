package server

import (
	"errors"
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/raftlog"
	"github.com/firndb/firn/server/internal/service"
)

var errAborted = errors.New("the sender gave the image up")

func errOtherImage(info engine.ImageInfo, index, term uint64) error {
	return firn.Errorf(firn.ErrDamaged, "an image of index %d, term %d came where one of index %d, term %d was announced", info.Index, info.Term, index, term)
}

// replica is what can be closed and opened again while the node's ports stay
// open: the Raft log, the engine, and the Raft node over both.
type replica struct {
	log    *raftlog.Log
	engine *engine.Engine
	images *machine // the engine, as replication sees it
	raft   *replication.Node
}

// openReplica opens what lies in the directory. An image that was received
// before is put to use first.
func (n *Node) openReplica() (_ *replica, err error) {
	r := new(replica)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	r.log, err = raftlog.Open(n.dir.sub(raftDir), raftlog.Options{
		FS: n.dir.fs, Logger: n.log, OnFatal: n.fail, ObserveSync: n.metrics.Synced,
		CacheBytes: n.config.CacheBytes / 16, MemTableBytes: n.around.LogTable,
	})
	if err != nil {
		return nil, fmt.Errorf("the Raft log: %w", err)
	}
	if err := n.dir.beginRestored(r.log, replication.Server{ID: n.config.ID, Peer: n.config.Advertise.Peer}); err != nil {
		return nil, fmt.Errorf("the restored store: %w", err)
	}
	if err := r.openEngine(n); err != nil {
		return nil, fmt.Errorf("the store: %w", err)
	}
	r.images = &machine{
		Engine: r.engine, fs: n.dir.fs, before: n.around.BeforeApply,
		engine: n.dir.sub(engineDir), outbox: n.dir.sub(outboxDir),
	}
	r.raft, err = replication.Open(replication.Options{
		ID: n.config.ID, Log: r.log, Port: n.peer, Machine: r.images,
		Bootstrap: n.bootstrap(),
		Self: replication.Self{
			Client: n.config.Advertise.Client, HTTP: n.config.Advertise.HTTP, Version: Version(), Replica: n.dir.replica,
			DiskFree: n.diskFree, DiskReserve: n.config.DiskReserve,
		},
		OnFatal: n.fail, OnRestart: n.restart,
		Timing: replication.Timing{Heartbeat: n.config.Heartbeat},
		Limits: replication.Limits{
			SnapshotBytes: n.config.RaftLog.SnapshotBytes, TrailingBytes: n.config.RaftLog.TrailingBytes,
		},
		BeforeWrite: n.around.BeforeWrite, Now: n.around.Now,
		Logger: n.config.Logger, // it says which node it is
	})
	if err != nil {
		return nil, fmt.Errorf("the Raft group: %w", err)
	}
	return r, nil
}

// openEngine opens the engine. An image is put to use only where the log knows
// that it was received whole; the log is put behind it when Raft is opened.
func (r *replica) openEngine(n *Node) error {
	dir := n.dir.sub(engineDir)
	if _, _, received := r.log.Received(); !received {
		if err := engine.DropImage(n.dir.fs, dir); err != nil {
			return err
		}
	}
	e, err := engine.Open(dir, engine.Options{
		FS: n.dir.fs, Logger: n.log, OnFatal: n.fail, OnDamage: n.damaged, CacheBytes: n.config.CacheBytes * 15 / 16,
		Settings: n.around.Store, Knows: n.around.Knows,
	})
	r.engine = e
	return err
}

// service is what the service needs of the replica.
func (r *replica) service() *service.Replica {
	return &service.Replica{Engine: r.engine, Log: r.raft}
}

// close closes what is open, Raft first: a leader hands its leadership on.
func (r *replica) close() error {
	var errs []error
	if r.raft != nil {
		errs = append(errs, r.raft.Close())
	}
	if r.engine != nil {
		errs = append(errs, r.engine.Close())
	}
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	return errors.Join(errs...)
}
