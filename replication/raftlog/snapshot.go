package raftlog

import (
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
)

// Snapshots is a raft.SnapshotStore over a log's records and the engine's
// images. See "Snapshots and images" in the package comment.
type Snapshots struct {
	log    *Log
	images Images
}

var _ raft.SnapshotStore = (*Snapshots)(nil)

// NewSnapshots returns the snapshot store that goes with a log.
func NewSnapshots(log *Log, images Images) *Snapshots {
	return &Snapshots{log: log, images: images}
}

// List returns the newest snapshot, if there is one.
func (s *Snapshots) List() ([]*raft.SnapshotMeta, error) {
	if err := s.log.alive(); err != nil {
		return nil, err
	}
	meta, ok := s.log.Snapshot()
	if !ok {
		return nil, nil
	}
	return []*raft.SnapshotMeta{&meta}, nil
}

// Create begins a snapshot: one that this replica takes, or one that it
// receives; which of the two shows in what is done with the sink. An image that
// is older than what this replica has already put away in a snapshot is
// refused: it would take the replica back.
func (s *Snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if err := s.log.alive(); err != nil {
		return nil, err
	}
	if err := s.log.mayChange(); err != nil {
		return nil, err
	}
	if index == 0 || term == 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "a snapshot at index %d of term %d cannot be", index, term)
	}
	if newest, ok := s.log.Snapshot(); ok && index < newest.Index {
		return nil, firn.Errorf(firn.ErrInvalid, "the snapshot at index %d is older than this replica's own at %d", index, newest.Index)
	}
	return &Sink{snapshots: s, meta: raft.SnapshotMeta{
		Version:            version,
		ID:                 snapshotID(index, term),
		Index:              index,
		Term:               term,
		Configuration:      configuration.Clone(),
		ConfigurationIndex: configurationIndex,
	}}, nil
}

// Open gives the bytes of a snapshot. For the image that has just been
// received that is none, as they are where Receiver.Finish left them. For this
// replica's own snapshot an image is produced, which may be newer than the
// snapshot; what Open returns describes the image.
func (s *Snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if err := s.log.alive(); err != nil {
		return nil, nil, err
	}
	if received, meta, ok := s.log.Received(); ok && id == received {
		return &meta, io.NopCloser(emptyReader{}), nil
	}
	newest, ok := s.log.Snapshot()
	if !ok || newest.ID != id {
		return nil, nil, firn.Errorf(firn.ErrUnavailable, "there is no snapshot %.80q (any more); the newest is %q", id, newest.ID)
	}
	image, err := s.images.Produce(s.log.ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("produce an image: %w", err)
	}
	if image.Index < newest.Index || image.Term == 0 || image.Size <= 0 || len(image.Configuration.Servers) == 0 {
		_ = image.Data.Close()
		return nil, nil, firn.Errorf(firn.ErrInternal, "the image produced (index %d, term %d, %d bytes, %d servers) does not stand for the snapshot at %d",
			image.Index, image.Term, image.Size, len(image.Configuration.Servers), newest.Index)
	}
	return &raft.SnapshotMeta{
		Version:            newest.Version,
		ID:                 snapshotID(image.Index, image.Term),
		Index:              image.Index,
		Term:               image.Term,
		Configuration:      image.Configuration,
		ConfigurationIndex: image.ConfigurationIndex,
		Size:               image.Size,
	}, image.Data, nil
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }

// Sink is one snapshot in the making. Raft uses a sink from one goroutine.
type Sink struct {
	snapshots *Snapshots
	meta      raft.SnapshotMeta

	flushed  bool
	receiver Receiver
	done     bool
	err      error // of Close, which may be called again
}

// ID names the snapshot.
func (s *Sink) ID() string { return s.meta.ID }

// Flushed says that the engine's data is durable up to the snapshot's index, or
// up to the last entry below it that concerns the engine.
func (s *Sink) Flushed() { s.flushed = true }

// Write takes bytes of an image.
func (s *Sink) Write(p []byte) (int, error) {
	if s.done {
		return 0, firn.Errorf(firn.ErrInternal, "the snapshot %s is closed", s.meta.ID)
	}
	if s.receiver == nil {
		r, err := s.snapshots.images.Receive(s.meta.ID, s.meta)
		if err != nil {
			return 0, fmt.Errorf("receive an image: %w", err)
		}
		s.receiver = r
	}
	return s.receiver.Write(p)
}

// Close makes the snapshot count. When it returns nil, the record is durable.
// Later calls return what the first one did.
func (s *Sink) Close() error {
	if s.done {
		return s.err
	}
	s.done = true
	s.err = s.finish()
	return s.err
}

func (s *Sink) finish() error {
	switch {
	case s.receiver != nil && s.flushed:
		s.receiver.Abort()
		return firn.Errorf(firn.ErrInternal, "the snapshot %s is said to be both this replica's own and received", s.meta.ID)
	case s.receiver != nil:
		if err := s.receiver.Finish(); err != nil {
			return fmt.Errorf("finish the image %s: %w", s.meta.ID, err)
		}
		return s.snapshots.log.recordReceived(s.meta)
	case s.flushed:
		return s.snapshots.log.recordSnapshot(s.meta)
	}
	return firn.Errorf(firn.ErrInvalid, "the snapshot %s has no bytes, and the engine has not been flushed for it", s.meta.ID)
}

// Cancel gives the snapshot up. After Close it does nothing.
func (s *Sink) Cancel() error {
	if s.done {
		return nil
	}
	s.done = true
	s.err = firn.Errorf(firn.ErrUnavailable, "the snapshot %s was given up", s.meta.ID)
	if s.receiver != nil {
		s.receiver.Abort()
	}
	return nil
}
