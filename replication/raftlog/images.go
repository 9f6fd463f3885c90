package raftlog

import (
	"context"
	"io"

	"github.com/hashicorp/raft"
)

// Images is how a snapshot's bytes are had and taken: implemented over the
// engine by the package that starts Raft.
type Images interface {
	// Produce makes an image of what this replica has applied, for another
	// one. It blocks until the image's size is known, which for the engine
	// means that the whole image lies in a directory. ctx ends when the log is
	// closed. Several images may be asked for at once.
	Produce(ctx context.Context) (*Image, error)

	// Receive begins an image that another replica sends. What is received
	// lies apart from the replica's own data and is not trusted; an unfinished
	// image with the same id, left by an attempt that was cut off, is
	// overwritten. The id is made of letters, digits and '-', and the same
	// index and term always give the same id.
	Receive(id string, meta raft.SnapshotMeta) (Receiver, error)
}

// Image is one image on its way to another replica.
type Image struct {
	// Index and Term are those of the last entry that the image contains. The
	// index may be above that of the newest snapshot, never below it.
	Index, Term uint64

	// Configuration is the newest one at or below Index, and
	// ConfigurationIndex the index of its entry.
	Configuration      raft.Configuration
	ConfigurationIndex uint64

	// Size is the exact number of bytes that Data gives.
	Size int64

	// Data is read once and closed, whether or not it was read to its end.
	Data io.ReadCloser
}

// Receiver takes the bytes of one image. Exactly one of Finish and Abort ends
// it.
type Receiver interface {
	io.Writer

	// Finish verifies the whole image (lengths, checksums, the trailer, the
	// index and term) and syncs it. On return the image is durable and
	// complete, but not in use: it is put to use when the replica is opened
	// the next time.
	Finish() error

	// Abort removes what was received.
	Abort()
}
