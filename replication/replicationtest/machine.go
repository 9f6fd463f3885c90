// Package replicationtest has a machine for tests of replication: it does what
// the engine does for replication, keeps everything in memory, and anyone can
// see that it is right.
package replicationtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"sync"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/raftlog"
)

// Disk is what survives a machine. It is empty to begin with.
type Disk struct {
	mu       sync.Mutex
	durable  state
	received *state // an image, complete, for the next Open
}

// state is what the commands build: a list of texts.
type state struct {
	Index, Term      uint64
	Cluster, History [16]byte
	Version          uint64
	Texts            []string
	Times            []int64 // as proposed, one for each text
	Hash             uint64
	Hashes           map[uint64]uint64 // at every ChainEvery-th index
}

func (s state) clone() state {
	s.Texts, s.Times = slices.Clone(s.Texts), slices.Clone(s.Times)
	hashes := make(map[uint64]uint64, len(s.Hashes))
	for k, v := range s.Hashes {
		hashes[k] = v
	}
	s.Hashes = hashes
	return s
}

// Machine applies each append as one text: its actor.
type Machine struct {
	disk *Disk

	mu      sync.Mutex
	hold    func() // called before each Apply
	knows   uint64
	now     state
	changed chan struct{}
}

var _ replication.Machine = (*Machine)(nil)

// Open starts from what is durable, or from an image that was received.
func Open(disk *Disk) *Machine {
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if disk.received != nil {
		disk.durable, disk.received = *disk.received, nil
	}
	return &Machine{disk: disk, now: disk.durable.clone(), knows: command.VersionNow, changed: make(chan struct{})}
}

// SetHold has a function called before each Apply.
func (m *Machine) SetHold(hold func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold = hold
}

// SetKnows has the machine claim a cluster version that it can do.
func (m *Machine) SetKnows(version uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.knows = version
}

// Knows is command.VersionNow, or what SetKnows was given.
func (m *Machine) Knows() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.knows
}

// Item is an append of a text, with so many bytes beside it.
func Item(text string, size int) []byte {
	return command.AppendItem(nil, &command.Append{
		Actor:  []byte(text),
		Writes: []command.Write{{Stream: []byte("s"), Records: [][]byte{make([]byte, size)}}},
	})
}

// Apply applies entries.
func (m *Machine) Apply(entries []replication.Entry) ([][]command.Result, error) {
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		hold()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([][]command.Result, len(entries))
	for i, e := range entries {
		if e.Index <= m.now.Index {
			return nil, fmt.Errorf("entry %d comes after entry %d", e.Index, m.now.Index)
		}
		parsed, err := command.ParseEntry(e.Data)
		if err != nil {
			return nil, err
		}
		m.now.keepHashes(e.Index)
		for _, it := range parsed.Items {
			results[i] = append(results[i], m.now.apply(it, parsed.Micros))
		}
		h := fnv.New64a()
		fmt.Fprint(h, m.now.Hash, e.Index)
		h.Write(e.Data)
		m.now.Hash, m.now.Index, m.now.Term = h.Sum64(), e.Index, e.Term
		m.now.keepHashes(e.Index + 1)
	}
	close(m.changed)
	m.changed = make(chan struct{})
	return results, nil
}

// keepHashes keeps the hash at the multiples below the next entry's index.
func (s *state) keepHashes(next uint64) {
	if s.Hashes == nil {
		s.Hashes = map[uint64]uint64{}
	}
	for at := (s.Index/replication.ChainEvery)*replication.ChainEvery + replication.ChainEvery; at < next; at += replication.ChainEvery {
		s.Hashes[at] = s.Hash
	}
	if s.Index%replication.ChainEvery == 0 && s.Index > 0 {
		s.Hashes[s.Index] = s.Hash
	}
}

func (s *state) apply(it command.Item, micros int64) command.Result {
	switch c := it.(type) {
	case *command.Found:
		s.Cluster, s.History = c.Cluster, c.History
	case *command.Version:
		s.Version = max(s.Version, c.To)
	case *command.Append:
		s.Texts = append(s.Texts, string(c.Actor))
		s.Times = append(s.Times, micros)
		return command.Result{Appended: firn.Appended{Position: firn.Position(len(s.Texts))}}
	}
	return command.Result{}
}

// Texts returns what was applied, in order.
func (m *Machine) Texts() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.now.Texts)
}

// Times returns the proposed times, in µs, one for each text.
func (m *Machine) Times() []int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.now.Times)
}

// Damage changes the hash chain, as a fault in apply would.
func (m *Machine) Damage() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Hash++
	for at := range m.now.Hashes {
		m.now.Hashes[at]++
	}
}

// Applied is the last entry applied.
func (m *Machine) Applied() (index, term uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.Index, m.now.Term
}

// Flush makes all of it durable.
func (m *Machine) Flush() (index, term uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.durable = m.now.clone()
	return m.now.Index, m.now.Term, nil
}

// WaitApplied waits.
func (m *Machine) WaitApplied(ctx context.Context, index uint64) error {
	for {
		m.mu.Lock()
		now, changed := m.now.Index, m.changed
		m.mu.Unlock()
		if now >= index {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Chain is the newest hash.
func (m *Machine) Chain() (index, hash uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.Index, m.now.Hash
}

// ChainAt is a kept hash.
func (m *Machine) ChainAt(index uint64) (uint64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.now.Hashes[index]
	return h, ok
}

// Identity is set by command.Found.
func (m *Machine) Identity() (cluster, history [16]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.Cluster, m.now.History
}

// ClusterVersion is set by command.Version.
func (m *Machine) ClusterVersion() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.Version
}

// Image writes the state down as JSON.
func (m *Machine) Image(context.Context) (*replication.Image, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := json.Marshal(m.now)
	if err != nil {
		return nil, err
	}
	return &replication.Image{Index: m.now.Index, Term: m.now.Term, Size: int64(len(b)), Data: io.NopCloser(bytes.NewReader(b))}, nil
}

// Receive takes what Image writes.
func (m *Machine) Receive(_ string, index, term uint64) (raftlog.Receiver, error) {
	return &receiver{disk: m.disk, index: index, term: term}, nil
}

type receiver struct {
	bytes.Buffer
	disk        *Disk
	index, term uint64
}

func (r *receiver) Finish() error {
	var s state
	if err := json.Unmarshal(r.Bytes(), &s); err != nil {
		return err
	}
	if s.Index != r.index || s.Term != r.term {
		return fmt.Errorf("the image ends at %d of term %d, said was %d of term %d", s.Index, s.Term, r.index, r.term)
	}
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	r.disk.received = &s
	return nil
}

func (r *receiver) Abort() {}
