package tcp

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// Backend is the node behind the door. All methods may be called from many
// goroutines at once, and return when ctx ends. Errors are *firn.Error; a bare
// context's error means that the work was given up. The context says who calls
// (security.CallerOf); what a caller may do is the backend's to judge.
type Backend interface {
	Store
	Snapshots
	Definitions
	Groups
	firn.History
	Admin

	// Authenticate says why the caller is not let in, or nil. It is asked once,
	// in the handshake, with Identity.
	Authenticate(ctx context.Context) error
	Identity() Identity
}

// Store is what firn.Store offers, with records as they lie in the store.
type Store interface {
	// Append appends records (client parts, not yet checked) as firn.Store's
	// Append does. The writes and their bytes are the door's again when it
	// returns; what is needed for longer is copied.
	Append(ctx context.Context, writes []wire.Write) (firn.Appended, error)

	// AppendAt is Append under a time of its own; see firn.Dated.
	AppendAt(ctx context.Context, at time.Time, writes []wire.Write) (firn.Appended, error)

	// Records yields what firn.Store's Read would, as whole records. The door
	// does not keep their bytes.
	Records(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error]

	// Subscribe opens a subscription, as firn.Store's Subscribe does.
	Subscribe(ctx context.Context, q firn.Query) (Subscription, error)

	Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error)
	Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error]

	// Change changes a stream's life; a repetition with the same id answers
	// with the first result.
	Change(ctx context.Context, id firn.ID, stream string, expect firn.Expectation, life firn.Life) (firn.Position, error)

	Head(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error)

	// Resolve turns a position or a moment into the last position not after
	// it. open says that later events could still fall into the moment.
	Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (pos firn.Position, open bool, err error)

	Stats(ctx context.Context) (wire.Stats, error)
}

// Snapshots is what firn.Snapshots offers, with records as they lie in the
// store.
type Snapshots interface {
	Load(ctx context.Context, q firn.LoadQuery) (Loading, error)
	SaveSnapshot(ctx context.Context, s firn.Snapshot) error
}

// Definitions is what firn.Definitions offers.
type Definitions interface {
	Define(ctx context.Context, id firn.ID, class firn.DefinitionClass, name string, source []byte, expect firn.Expectation) (firn.Definition, error)
	Definitions(ctx context.Context, class firn.DefinitionClass, at firn.Point, c firn.Consistency) ([]firn.Definition, error)
	DefinitionVersions(ctx context.Context, class firn.DefinitionClass, name string, c firn.Consistency) ([]firn.Definition, error)
}

// Loading is what a load has found. The door does not keep the records' bytes.
type Loading struct {
	Found   wire.Loaded
	Records iter.Seq2[record.Stored, error]
}

// Admin is what an operator asks of a node. The changes are answered by the
// leader; other nodes refuse them with ErrNotLeader.
type Admin interface {
	Status(ctx context.Context) (wire.ClusterStatus, error)
	AddNode(ctx context.Context, node, peer string) error
	RemoveNode(ctx context.Context, node string) error
	PromoteNode(ctx context.Context, node string) error
	Transfer(ctx context.Context, node string) error // to "": whom the leader chooses

	// Verify checks the node's own store. Faults are in the report, not in
	// the error.
	Verify(ctx context.Context, progress func(done, total uint64)) (wire.Report, error)

	// Backup gives an image of the node's own store, and its size, what is
	// left out included. What it takes is given up when the image is closed.
	// read is told, from another goroutine, how many bytes were read for it,
	// also where none of them go into it.
	Backup(ctx context.Context, m *wire.Backup, read func(bytes uint64)) (size uint64, image io.ReadCloser, err error)

	// Scavenge makes what is hidden gone, and removes it from the node's own
	// store; dry, it only counts. progress is told of layers.
	Scavenge(ctx context.Context, id firn.ID, dry bool, progress func(done, total uint64)) (wire.Scavenged, error)
}

// Identity says who the node is.
type Identity struct {
	Node             string // its id
	Cluster, History [16]byte
	Leader           string // the leader's client address; "": unknown
	Features         []string
	Release          string // of the software
}
