package engine

import (
	"context"
	"fmt"

	"github.com/firndb/firn"
)

// Report is what Verify has found.
type Report struct {
	Events, Streams, Layers uint64
	Index, Chain            uint64
	Faults                  []Fault
}

// Fault is a broken invariant.
type Fault struct {
	Invariant int
	Key       []byte
	Stream    string
	Position  firn.Position
	Text      string
}

func (f Fault) String() string {
	return fmt.Sprintf("invariant %d: %s (key %q, stream %q, position %d)", f.Invariant, f.Text, f.Key, f.Stream, f.Position)
}

// Verify checks.
func (e *Engine) Verify(ctx context.Context, progress func(done, total uint64)) (Report, error) {
	return Report{}, nil
}
