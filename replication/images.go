package replication

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/raftlog"
)

// images lets the log's snapshot store reach the machine's images. It adds the
// members, which the machine does not know, and remembers which images travel:
// whoever gets one needs the log behind it.
type images struct {
	// set at Open, then read only
	machine        Machine
	configurations *configurations

	mu   sync.Mutex
	sent []*sentImage
}

// sentImage is an image on its way, or that was on its way until lately.
type sentImage struct {
	io.ReadCloser
	of     *images
	index  uint64
	closed time.Time // zero: it travels
}

// catchUpTime is how long the log is kept for a replica after its image has
// been sent: it verifies the image, is opened again, and asks for the rest.
const catchUpTime = time.Minute

// Close ends the image's journey.
func (s *sentImage) Close() error {
	s.of.mu.Lock()
	s.closed = time.Now()
	s.of.mu.Unlock()
	return s.ReadCloser.Close()
}

// needed returns the index behind which entries are needed for images that
// were sent; not ok: none are.
func (m *images) needed() (index uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = slices.DeleteFunc(m.sent, func(s *sentImage) bool {
		return !s.closed.IsZero() && time.Since(s.closed) > catchUpTime
	})
	for _, s := range m.sent {
		if !ok || s.index < index {
			index, ok = s.index, true
		}
	}
	return index, ok
}

var _ raftlog.Images = (*images)(nil)

// Produce makes an image of this replica.
func (m *images) Produce(ctx context.Context) (*raftlog.Image, error) {
	image, err := m.machine.Image(ctx)
	if err != nil {
		return nil, err
	}
	members, ok := m.configurations.at(image.Index)
	if !ok {
		_ = image.Data.Close()
		return nil, firn.Errorf(firn.ErrUnavailable, "the members of the cluster as of index %d are not known", image.Index)
	}
	data := &sentImage{ReadCloser: image.Data, of: m, index: image.Index}
	m.mu.Lock()
	m.sent = append(m.sent, data)
	m.mu.Unlock()
	return &raftlog.Image{
		Index:              image.Index,
		Term:               image.Term,
		Configuration:      members.servers.Clone(),
		ConfigurationIndex: members.index,
		Size:               image.Size,
		Data:               data,
	}, nil
}

// Receive begins an image from another replica. One that would take this
// replica back is refused: what it has applied, others may count on. One of just
// what it has applied is taken: the sender sends it again where the answer to the
// last one was lost, and learns in no other way which entries come next.
func (m *images) Receive(id string, meta raft.SnapshotMeta) (raftlog.Receiver, error) {
	if done, _ := m.machine.Applied(); meta.Index < done {
		return nil, firn.Errorf(firn.ErrUnavailable, "an image at index %d is of no use, this replica has applied %d", meta.Index, done)
	}
	return m.machine.Receive(id, meta.Index, meta.Term)
}
