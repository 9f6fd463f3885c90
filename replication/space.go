package replication

import (
	"sync/atomic"

	"github.com/firndb/firn"
)

// space watches the free bytes of the disk, so that a full one is never
// discovered by a write. Below the reserve a leader refuses appends and hands
// leadership on, a follower closes its gate: it takes no part in Raft and still
// serves what it has. Above twice the reserve both take part again.
type space struct {
	// set at Open, then read only
	probe   func() (uint64, error)
	reserve uint64

	free atomic.Uint64
	full atomic.Bool
}

func (s *space) err() *firn.Error {
	return firn.Errorf(firn.ErrNoSpace, "this node's disk has %d bytes free and keeps %d in reserve; nothing was done. Make room: it takes part again above %d", s.free.Load(), s.reserve, 2*s.reserve)
}

// look asks the disk, and reports whether the answer has changed sides.
func (s *space) look() (changed bool, err error) {
	if s.probe == nil {
		return false, nil
	}
	free, err := s.probe()
	if err != nil {
		return false, err
	}
	s.free.Store(free)
	full := s.full.Load()
	switch {
	case !full && free < s.reserve:
		s.full.Store(true)
	case full && free >= 2*s.reserve:
		s.full.Store(false)
	default:
		return false, nil
	}
	return true, nil
}

// watchSpace looks at the disk and opens or closes the gate.
func (n *Node) watchSpace() {
	changed, err := n.space.look()
	if err != nil {
		n.log.Warn("ask how much space is free", "error", err)
	}
	full := n.space.full.Load()
	if changed {
		n.log.Warn("free space", "bytes", n.space.free.Load(), "reserve", n.space.reserve, "too_little", full)
	}
	if _, leads := n.leading(); full && !leads {
		n.transport.bar(gateSpace)
	} else if !full {
		n.transport.admit(gateSpace)
	}
}
