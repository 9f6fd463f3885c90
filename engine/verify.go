package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
)

// Report is what Verify has found.
type Report struct {
	Events, Streams, Layers uint64 // looked at; the system's are counted in, and so is the open layer
	Index, Chain            uint64 // up to which entry, and the hash chain there
	Faults                  []Fault
	More                    bool // there are more faults than faultsMax; Verify stopped at them
}

// Fault is a broken invariant.
type Fault struct {
	Invariant int           // as numbered in the package's documentation
	Key       []byte        // the key concerned
	Stream    string        // "" where no one stream is concerned
	Position  firn.Position // 0 where no one position is concerned
	Text      string        // what should be, and what is
}

func (f Fault) String() string {
	s := fmt.Sprintf("invariant %d: %s (key %q", f.Invariant, f.Text, f.Key)
	if f.Stream != "" {
		s += fmt.Sprintf(", stream %q", f.Stream)
	}
	if f.Position > 0 {
		s += fmt.Sprintf(", position %d", f.Position)
	}
	return s + ")"
}

// faultsMax is how many faults a report names.
const faultsMax = 100

// verifier checks the invariants of one state of the store.
type verifier struct {
	e        *Engine
	db       *pebble.Snapshot
	s        *seen   // made from the snapshot, not from what the engine holds in memory
	within   *sealed // the layer whose records are being read; nil: none
	report   Report
	counted  totals // what was found, to be compared with what m|applied says
	lastTime int64
	progress func(done, total uint64)
}

var errEnoughFaults = errors.New("enough faults")

// Verify checks every invariant of the store as it is at one moment, while it
// is in use. It reads all of it, in memory for one layer. Faults are in the
// report; the error says only why verifying could not go on. progress, where
// it is not nil, is told now and then how many of all events were read.
func (e *Engine) Verify(ctx context.Context, progress func(done, total uint64)) (Report, error) {
	if err := e.enter(); err != nil {
		return Report{}, err
	}
	defer e.leave()
	db := e.db.NewSnapshot()
	defer func() { _ = e.failed.guard(db.Close) }() // it may compact, and wait for what stands still
	return e.verify(ctx, db, progress)
}

// verify checks the invariants of a snapshot, of the store or of a copy of it.
func (e *Engine) verify(ctx context.Context, db *pebble.Snapshot, progress func(done, total uint64)) (Report, error) {
	v := &verifier{e: e, db: db, progress: progress}
	err := v.meta()
	if err == nil {
		for _, pass := range []func(context.Context) error{v.prefixes, v.layers, v.streams, v.lives, v.definitions, v.groups, v.snapshots} {
			if err = pass(ctx); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = v.totals()
	}
	if errors.Is(err, errEnoughFaults) {
		err = nil
	}
	return v.report, err
}

// fault notes a broken invariant.
func (v *verifier) fault(invariant int, key []byte, stream string, p firn.Position, text string, args ...any) error {
	v.report.Faults = append(v.report.Faults, Fault{invariant, bytes.Clone(key), stream, p, fmt.Sprintf(text, args...)})
	if len(v.report.Faults) >= faultsMax {
		v.report.More = true
		return errEnoughFaults
	}
	return nil
}

// tell says how many events were read, also where it is as many as before: who
// waits sees that it goes on.
func (v *verifier) tell() {
	if v.progress != nil {
		v.progress(v.report.Events, uint64(v.s.p.head))
	}
}

// each calls visit with every key and value of a range.
func (v *verifier) each(ctx context.Context, lower, upper []byte, visit func(key, value []byte) error) error {
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return v.unreadable(lower, err)
	}
	defer it.Close()
	n, last := 0, bytes.Clone(lower) // the last key that could be read
	for it.First(); it.Valid(); it.Next() {
		if n++; n%16 == 0 {
			if err := v.e.interrupted(ctx); err != nil {
				return err
			}
			v.tell()
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return v.unreadable(last, err)
		}
		last = append(last[:0], it.Key()...)
		if err := visit(it.Key(), value); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return v.unreadable(last, err)
	}
	return nil
}
