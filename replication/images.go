package replication

import (
	"context"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/raftlog"
)

// images lets the log's snapshot store reach the machine's images. It adds the
// members, which the machine does not know.
type images struct {
	machine        Machine
	configurations *configurations
}

var _ raftlog.Images = images{}

// Produce makes an image of this replica.
func (m images) Produce(ctx context.Context) (*raftlog.Image, error) {
	image, err := m.machine.Image(ctx)
	if err != nil {
		return nil, err
	}
	members, ok := m.configurations.at(image.Index)
	if !ok {
		_ = image.Data.Close()
		return nil, firn.Errorf(firn.ErrUnavailable, "the members of the cluster as of index %d are not known", image.Index)
	}
	return &raftlog.Image{
		Index:              image.Index,
		Term:               image.Term,
		Configuration:      members.servers.Clone(),
		ConfigurationIndex: members.index,
		Size:               image.Size,
		Data:               image.Data,
	}, nil
}

// Receive begins an image from another replica. One that would take this
// replica back is refused: what it has applied, others may count on.
func (m images) Receive(id string, meta raft.SnapshotMeta) (raftlog.Receiver, error) {
	if done, _ := m.machine.Applied(); meta.Index <= done {
		return nil, firn.Errorf(firn.ErrUnavailable, "an image at index %d is of no use, this replica has applied %d", meta.Index, done)
	}
	return m.machine.Receive(id, meta.Index, meta.Term)
}
