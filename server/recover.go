package server

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/raftlog"
)

// Remains is where a node stands whose cluster has lost its majority.
type Remains struct {
	Index, Term     uint64        // of the last entry that the node's log holds: what others acknowledged behind it is lost
	Position        firn.Position // of the last event in its store
	Time            time.Time     // of that event; zero: none
	Pending         int           // entries that are in its log and not in its store yet; nobody says any more whether they were committed
	Voters          []string      // of the cluster, as the node knows it
	Cluster, Before firn.ID       // the history is the one up to the last entry
}

// Recovered is what [Recover] has made of a node. Position and Time are those
// behind the entries that were pending.
type Recovered struct {
	Remains
	History firn.ID // the new one
}

// LookAtRemains says where the node in a data directory stands, which does not
// run, and changes nothing. Errors are those of [Recover].
func LookAtRemains(dir, id string) (r Remains, err error) {
	d := &dataDir{fs: vfs.Default, path: dir}
	if err := d.isNode(id); err != nil {
		return r, err
	}
	lock, err := d.hold("stop that first")
	if err != nil {
		return r, err
	}
	defer lock.Close()
	log, e, err := d.openBoth(true, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.Close(), log.Close()) }()
	r, _, err = remains(log, e, id)
	return r, err
}

// Recover makes the node in a data directory, which does not run, go on without
// the majority of its cluster: as the only member, with everything that it has
// ever stored, and in a new history. All of it is durable on return. One that was
// cut off leaves a node that refuses to start; run it again.
//
// What the lost nodes had acknowledged and this one had not received is lost. The
// others must never run again with their old directories; they refuse to talk
// with this one. Errors: ErrInvalid for a directory that is not the node's, or of
// a node without a vote, ErrUnavailable while it runs, ErrDamaged.
func Recover(dir, id string, log *slog.Logger) (r Recovered, err error) {
	if _, err := LookAtRemains(dir, id); err != nil {
		return r, err // before anything is changed
	}
	d, _, err := openDir(vfs.Default, dir, id)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	var fatal error
	raft, e, err := d.openBoth(false, log, func(err error) { fatal = err })
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.Close(), raft.Close(), fatal) }()
	return recoverNode(raft, e, id, log)
}

func recoverNode(raft *raftlog.Log, e *engine.Engine, id string, log *slog.Logger) (r Recovered, err error) {
	var self replication.Server
	if r.Remains, self, err = remains(raft, e, id); err != nil {
		return r, err
	}
	applied, _ := e.Applied()
	err = replication.ApplyPending(raft, applied, func(entry replication.Entry) error {
		_, err := e.Apply([]engine.Entry{engine.Entry(entry)})
		return err
	})
	if err != nil {
		return r, err
	}
	var done Restored
	at, err := beginHistoryBehind(e, r.Index, r.Term, &done)
	if err != nil {
		return r, err
	}
	r.Position, r.Time = e.Head()
	r.Cluster, r.History, r.Before = done.Cluster, done.History, done.Before
	log.Warn("this node goes on without the majority of its cluster; what the others had acknowledged behind its last entry is lost",
		"node", id, "index", r.Index, "term", r.Term, "position", r.Position, "time", r.Time, "pending", r.Pending, "voters", r.Voters, "history", r.History, "history_before", r.Before)
	return r, replication.Restart(raft, at.Index, at.Term, self)
}

// remains holds the store against the log, and returns the node as the log has
// it, which must be one with a vote.
func remains(log *raftlog.Log, e *engine.Engine, id string) (r Remains, self replication.Server, err error) {
	if _, _, received := log.Received(); received {
		return r, self, firn.Errorf(firn.ErrUnavailable, "the node has received an image that is not in its place yet; start it once (firn serve), stop it, and recover it then")
	}
	applied, _ := e.Applied()
	left, err := replication.Remain(log, applied)
	if err != nil {
		return r, self, err
	}
	r.Index, r.Term, r.Pending = left.Index, left.Term, left.Pending
	r.Position, r.Time = e.Head()
	cluster, history := e.Identity()
	r.Cluster, r.Before = cluster, history
	for _, v := range left.Voters {
		r.Voters = append(r.Voters, v.ID)
	}
	at := slices.Index(r.Voters, id)
	if at < 0 {
		return r, self, firn.Errorf(firn.ErrInvalid, "the node %s has no vote in its cluster, of %q; recover one that has", id, r.Voters)
	}
	return r, left.Voters[at], nil
}

// openBoth opens the log and the store of a node that does not run.
func (d *dataDir) openBoth(readOnly bool, logger *slog.Logger, onFatal func(error)) (*raftlog.Log, *engine.Engine, error) {
	log, err := raftlog.Open(d.sub(raftDir), raftlog.Options{FS: d.fs, OnFatal: onFatal, ReadOnly: readOnly})
	if err != nil {
		return nil, nil, damaged("the Raft log", err)
	}
	e, err := engine.Open(d.sub(engineDir), engine.Options{FS: d.fs, OnFatal: onFatal, Logger: logger, ReadOnly: readOnly})
	if err != nil {
		return nil, nil, errors.Join(damaged("the store", err), log.Close())
	}
	return log, e, nil
}

// isNode says why a directory is not the data directory of the node called id;
// nil: it is. It changes nothing.
func (d *dataDir) isNode(id string) error {
	who, err := d.identity(identityFile)
	if err != nil {
		copied, copyErr := d.identity(identityCopy)
		switch {
		case copyErr == nil:
			who = copied
		case errors.Is(err, os.ErrNotExist) && errors.Is(copyErr, os.ErrNotExist):
			return firn.Errorf(firn.ErrInvalid, "%s is not the data directory of a node: it has no %s", d.path, identityFile)
		default:
			return err
		}
	}
	return d.fits(who, id)
}
