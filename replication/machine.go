package replication

import (
	"context"
	"io"

	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/replication/raftlog"
)

// Entry is one committed command, as Raft carried it.
type Entry struct {
	Index, Term uint64
	Data        []byte // see command.AppendEntry
}

// Machine is the state that the commands build: the engine, seen from here.
//
// Apply is called by one goroutine, in the order of the log. Everything else
// may be called by many at once, and beside Apply.
type Machine interface {
	// Apply applies entries whose indexes grow, all above Applied, and answers
	// for each entry one result an item. What it does depends on nothing but
	// the entries and what was applied before. An error is final: nothing may
	// be applied after it.
	Apply(entries []Entry) ([][]command.Result, error)

	// Applied is the last entry applied, durable or not. Right after the
	// machine was opened it is the last durable one.
	Applied() (index, term uint64)

	// Flush makes everything applied so far durable and says how far that is.
	Flush() (index, term uint64, err error)

	// WaitApplied returns once Applied is at or above index, or ctx ends.
	WaitApplied(ctx context.Context, index uint64) error

	// Chain is the hash chain after the newest command. ChainAt is the hash
	// after the last command at or below index, a multiple of ChainEvery; not
	// ok where it is no longer, or not yet, known.
	Chain() (index, hash uint64)
	ChainAt(index uint64) (hash uint64, ok bool)

	// Identity is zero before command.Found was applied.
	Identity() (cluster, history [16]byte)

	// ClusterVersion is 0 before a command.Version was applied, and at most Knows,
	// the highest that the machine can do.
	ClusterVersion() uint64
	Knows() uint64

	// Image makes a full copy of what is applied, for a replica that is too far
	// behind. It returns once the image's size is known.
	Image(ctx context.Context) (*Image, error)

	// Receive begins to take such a copy. It lies apart from the machine's own
	// data, and is put to use when the machine is opened the next time after
	// Finish. See raftlog.Images for what id promises.
	Receive(id string, index, term uint64) (raftlog.Receiver, error)
}

// Image is a copy on its way to another replica.
type Image struct {
	Index, Term uint64 // of the last command that it contains
	Size        int64  // exact number of bytes that Data gives
	Data        io.ReadCloser
}

// ChainEvery is the distance of the indexes at which replicas compare hashes.
const ChainEvery = 256
