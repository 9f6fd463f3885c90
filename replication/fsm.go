package replication

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/planted"
	"github.com/firndb/firn/replication/raftlog"
)

// fsm hands committed entries to the machine. Raft calls ApplyBatch, Snapshot
// and Restore from one goroutine.
type fsm struct {
	// set when made, then read only
	machine Machine
	disk    *disk
	fatal   func(error)
	restart func(reason string)
	joined  func(raft.Configuration) // is told the members of each committed change
	start   uint64                   // what was applied when the node was opened; up to here Raft repeats itself
	apply   stopwatch

	// owned by Raft's goroutine for the FSM
	handed uint64 // the last index that Raft has handed over, applied or skipped
	over   error  // nothing is applied any more

	configurations configurations
}

var _ raft.BatchingFSM = (*fsm)(nil)

// Apply is not called, since there is ApplyBatch.
func (f *fsm) Apply(entry *raft.Log) any { return f.ApplyBatch([]*raft.Log{entry})[0] }

// ApplyBatch applies what the machine does not hold yet. Raft does not know
// how far the machine is: after a start it begins at its own snapshot.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	entries := make([]Entry, 0, len(logs))
	places := make([]int, 0, len(logs))
	done, _ := f.machine.Applied()
	for i, l := range logs {
		if l.Type == raft.LogConfiguration {
			members := raft.DecodeConfiguration(l.Data)
			f.configurations.add(l.Index, members)
			if l.Index > f.start {
				f.joined(members)
			}
		} else if l.Index > done && f.over == nil {
			if err := f.noHole(max(done, f.handed), l.Index); err != nil {
				f.end(err)
				break
			}
			entries = append(entries, Entry{l.Index, l.Term, l.Data})
			places = append(places, i)
		}
		f.handed = l.Index
	}
	var results [][]command.Result
	if len(entries) > 0 && f.over == nil {
		f.apply.start()
		var err error
		results, err = f.machine.Apply(entries)
		f.apply.stop()
		if err == nil && len(results) != len(entries) {
			err = fmt.Errorf("the machine answered %d entries with %d results", len(entries), len(results))
		}
		if err != nil {
			f.end(applyError(entries[0].Index, entries[len(entries)-1].Index, err))
		}
	}
	for i := range answers {
		if f.over != nil {
			answers[i] = applied{err: f.over}
		}
	}
	if f.over == nil {
		for k, i := range places {
			answers[i] = applied{results: results[k]}
		}
	}
	return answers
}

// noHole makes sure that nothing between two indexes is a command. Raft does
// not hand over its no-ops, so a gap is usual; a command in it would be lost.
func (f *fsm) noHole(below, above uint64) error {
	for i := below + 1; i < above && !planted.Is(planted.ImageNotInPlace); i++ {
		_, kind, err := f.disk.entry(i)
		if err != nil {
			return firn.Errorf(firn.ErrDamaged, "the store has applied the log up to %d, the next entry handed over is %d, and entry %d in between cannot be read (%v); remove this node from the cluster and add it anew with an empty directory", below, above, i, err)
		}
		if kind == raft.LogCommand {
			return firn.Errorf(firn.ErrDamaged, "the store has applied the log up to %d, the next entry handed over is %d, and entry %d in between is a command; remove this node from the cluster and add it anew with an empty directory", below, above, i)
		}
	}
	return nil
}

func applyError(first, last uint64, err error) error {
	if errors.Is(err, command.ErrUnknownKind) {
		return firn.Errorf(firn.ErrUnsupported, "the log holds, among entries %d to %d, a change that this release does not know (%v); the node stops before it: run it with the release that the others run", first, last, err)
	}
	var known *firn.Error
	if errors.As(err, &known) {
		return known
	}
	return firn.Errorf(firn.ErrInternal, "apply entries %d to %d: %v", first, last, err)
}

// end applies nothing more and ends the node.
func (f *fsm) end(err error) {
	f.over = err
	f.fatal(err)
}

// Snapshot begins a snapshot, which costs a flush. Its index is the last one
// handed over, and what lies on disk must never be said to reach further than
// the machine does. So no snapshot is taken right after a change of the
// configuration, which the machine does not see; the next command allows it.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if f.over != nil {
		return nil, f.over
	}
	if done, _ := f.machine.Applied(); f.handed > done {
		return nil, raft.ErrNothingNewToSnapshot
	}
	return &snapshot{f.machine, f.handed}, nil
}

// Restore is called after an image has come in. The image takes effect when
// the replica is opened again; what Raft hands over until then is dropped.
func (f *fsm) Restore(image io.ReadCloser) error {
	if f.over == nil {
		f.over = errRestarting
		f.restart("an image of another replica was received, since the entries that this one lacks are no longer in the others' logs")
	}
	return image.Close()
}

var errRestarting = firn.Errorf(firn.ErrUnavailable, "this replica restarts from an image")

// snapshot is what Raft may shorten its log after: the machine's own state,
// flushed.
type snapshot struct {
	machine Machine
	index   uint64
}

// Persist flushes first. Only then may a record say that the entries up to
// index are no longer needed.
func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	if planted.Is(planted.ShortenedBeforeFlush) { // what is applied may not be on the disk yet
		sink.(*raftlog.Sink).Flushed()
		return sink.Close()
	}
	durable, _, err := s.machine.Flush()
	if err != nil {
		return fmt.Errorf("flush the store: %w", err)
	}
	if durable < s.index {
		return firn.Errorf(firn.ErrInternal, "the store was flushed up to %d, the snapshot is at %d", durable, s.index)
	}
	own, ok := sink.(*raftlog.Sink)
	if !ok {
		return fmt.Errorf("replication: a sink of type %T", sink)
	}
	own.Flushed()
	return sink.Close()
}

// Release does nothing: a snapshot holds nothing.
func (s *snapshot) Release() {}

// configurations are the committed members by the index of their entry, since
// an image carries the newest at or below its own index.
type configurations struct {
	mu   sync.Mutex
	list []configuration // indexes grow
}

type configuration struct {
	index   uint64
	servers raft.Configuration
}

func (c *configurations) add(index uint64, servers raft.Configuration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.list); n == 0 || c.list[n-1].index < index {
		c.list = append(c.list, configuration{index, servers})
	}
}

// at returns the newest configuration at or below index.
func (c *configurations) at(index uint64) (configuration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.list) - 1; i >= 0; i-- {
		if c.list[i].index <= index {
			return c.list[i], true
		}
	}
	return configuration{}, false
}
