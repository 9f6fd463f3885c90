package server

import (
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// Damage returns what of the node's store was found damaged, or nil. What is
// whole is served, and nobody is given what is not.
func (n *Node) Damage() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.damage
}

// damaged takes what somebody has found in the store's files. It returns at once:
// who calls may hold Pebble's locks.
func (n *Node) damaged(err error) {
	n.log.Error("damage found", "error", err)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.damage == nil {
		n.damage = err
		n.metrics.Damaged()
	}
}

// judge takes what checking all of the store has shown.
func (n *Node) judge(r engine.Report) {
	if len(r.Faults) > 0 {
		n.damaged(errFaults(r.Faults))
	}
}

// errFaults names one fault, and, where that is a file's, one that says where in
// the log it is.
func errFaults(faults []engine.Fault) error {
	text := place(faults[0])
	for _, f := range faults {
		if faults[0].Position == 0 && f.Position > 0 {
			text += "; and " + place(f)
			break
		}
	}
	return firn.Errorf(firn.ErrDamaged, "the store's files are damaged, with %d faults: %s", len(faults), text)
}

func place(f engine.Fault) string {
	text := f.Text
	if f.Stream != "" {
		text += fmt.Sprintf(" (stream %s)", f.Stream)
	}
	if f.Position > 0 {
		text += fmt.Sprintf(" (position %d)", f.Position)
	}
	return text
}
