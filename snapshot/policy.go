package snapshot

import (
	"context"

	"github.com/firndb/firn"
)

// Policy says when a stream gets its next snapshot. The zero Policy is the
// default.
//
// What a load costs is the newest snapshot that fits and the events behind it, so
// the distance between the snapshots is what matters, now and for every moment of
// the past. With one every 100 events, and the 1,024 that a store keeps of a
// stream, no revision of a stream of 100,000 events is more than 99 events from
// the snapshot before it: any of them loads in about the time of a stream of 100
// events. A longer past is covered ever more coarsely, evenly, and its newest end
// as finely as ever.
//
// Two things bend the distance. A state that is large beside the events waits
// until these have at least a quarter of its size, so that snapshots never add
// more than four times what the events take, and reading the tail never more than
// a quarter to what the state takes to be read. Large events make a snapshot due
// sooner.
type Policy struct {
	Every int // events; 0: EveryDefault
}

// EveryDefault is how many events lie between two snapshots, where the state is
// not large.
const EveryDefault = 100

// tailBytesMax is how many bytes of events make a snapshot due, however few they
// are, where the state is smaller than they are.
const tailBytesMax = 256 << 10

// Due reports whether a snapshot should be made, given how many events, of how
// many bytes of data, lie behind the last one, and how large the state is.
func (p Policy) Due(events, eventBytes, stateBytes int) bool {
	every := p.Every
	if every <= 0 {
		every = EveryDefault
	}
	return events >= every && 4*eventBytes >= stateBytes || eventBytes >= tailBytesMax && eventBytes >= stateBytes
}

// Keep computes a state from what was loaded, like [Compute], and calls save for
// each snapshot that becomes due on the way, so that the past is covered, too,
// where many events come at once. An error of save ends it.
func (p Policy) Keep(ctx context.Context, f Fold, version firn.FoldVersion, loaded firn.Loaded, save func(firn.Snapshot) error) (Computed, error) {
	since, bytes, size := 0, 0, 0
	if loaded.Snapshot != nil {
		size = len(loaded.Snapshot.State)
	}
	return compute(ctx, f, loaded.Snapshot, loaded.Events, func(e *firn.Event, s State) error {
		since, bytes = since+1, bytes+len(e.Data)
		if !p.Due(since, bytes, size) {
			return nil
		}
		state, err := s.JSON()
		if err != nil {
			return err
		}
		if size = len(state); !p.Due(since, bytes, size) {
			return nil // it has grown since it was measured last
		}
		since, bytes = 0, 0
		return save(firn.Snapshot{Stream: e.Stream, Fold: f.Name(), Version: version, Revision: e.Revision, State: state, Partial: loaded.Partial})
	})
}
