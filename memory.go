package firn

import (
	"context"
	"sync"
	"time"
)

// MemoryOptions configure [NewMemory]. The zero value is what [Memory] uses.
type MemoryOptions struct {
	Now    func() time.Time // the clock; nil: time.Now
	Window uint64           // positions within which a repetition is recognised; 0: 4 Mi, as in every Firn
}

// Memory returns an empty [Store] that lives in memory, for unit tests. It is
// also the model that every other store is compared with: slices, maps, one
// lock and loops over everything, so that its answers can be checked by eye. It
// forgets nothing, and an append looks through its whole stream: a store for
// thousands of events, not for millions.
//
// A newcomer who wants to know what a correct store does reads the files in
// this order: memory_append.go, memory_repeat.go, memory_life.go,
// memory_bound.go, memory_status.go, memory_read.go, memory_subscribe.go.
func Memory() Store { return NewMemory(MemoryOptions{}) }

// NewMemory returns an empty store in memory, with a clock of the test's own.
func NewMemory(o MemoryOptions) Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Window == 0 {
		o.Window = 4 << 20
	}
	return &memory{
		now:     o.Now,
		window:  o.Window,
		history: NewID(),
		streams: map[string][]Event{},
		changes: map[string][]change{},
		shared:  map[string][]change{},
		moved:   make(chan struct{}),
	}
}

type memory struct {
	// Set by NewMemory, then read only.
	now     func() time.Time
	window  uint64
	history ID

	// Guarded by mu. Elements of the slices are never changed once they are
	// there, so a copy of a slice's header stays valid without the lock.
	mu      sync.Mutex
	log     []Event             // log[p-1] is the event at position p
	streams map[string][]Event  // streams[s][r] is the event at revision r of s, system streams included
	changes map[string][]change // what happened to each stream as a whole, in order of position
	shared  map[string][]change // the limits set for each category, likewise
	moved   chan struct{}       // closed and replaced whenever the head moves

	snapshots []Snapshot // in the order in which they came
}

// change is one event of a stream's life.
type change struct {
	position Position // of the event that records it
	next     Revision // the revision that the stream's next event was to get
	life     Life
}

// Head returns the last position and its time.
func (m *memory) Head(ctx context.Context, c Consistency) (Position, time.Time, error) {
	if err := m.lock(ctx, c); err != nil {
		return 0, time.Time{}, err
	}
	defer m.mu.Unlock()
	return m.head(), m.timeAt(m.head()), nil
}

func (m *memory) head() Position { return Position(len(m.log)) }

// timeAt returns the time of the event at a position, zero for position 0.
func (m *memory) timeAt(p Position) time.Time {
	if p == 0 {
		return time.Time{}
	}
	return m.log[p-1].Time
}

// clock returns the moment that it is now, as events carry it.
func (m *memory) clock() time.Time { return m.now().UTC().Truncate(time.Microsecond) }

// nextTime returns the time that an event accepted now gets. Time never goes
// back from one position to the next, even where the clock does.
func (m *memory) nextTime() time.Time {
	now, last := m.clock(), m.timeAt(m.head())
	if now.Before(last) {
		return last
	}
	return now
}

// accept puts an event at the end of its stream and of the log. The caller has
// set everything but the event's place.
func (m *memory) accept(e Event) Event {
	e.Revision = Revision(len(m.streams[e.Stream]))
	e.Position = m.head() + 1
	m.streams[e.Stream] = append(m.streams[e.Stream], e)
	m.log = append(m.log, e)
	close(m.moved)
	m.moved = make(chan struct{})
	return e
}

// lock takes the lock once the store has seen what c asks for: at once, unless
// it is a position that is yet to come.
func (m *memory) lock(ctx context.Context, c Consistency) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.mu.Lock()
		if m.head() >= c.AtLeast {
			return nil
		}
		moved := m.moved
		m.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
	}
}
