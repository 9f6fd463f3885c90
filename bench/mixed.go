package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/aggregate"
)

// What a hundred calls of the workload mixed are: a service that decides on its
// aggregates, its read models that come back and catch up, and people who look
// into the past.
const (
	mixedAggregates = 80
	mixedSubscribes = 15 // the rest is history

	mixedCatchUp = 100  // events after which a read model that came back has seen enough
	mixedTries   = 1000 // where others are faster: it is a conflict less, and a latency more
)

var mixedKinds = []string{"aggregate", "subscribe", "history"}

// mixer is one client of the workload mixed.
type mixer struct {
	store      firn.Store
	history    firn.History
	aggregates map[string]*aggregate.Repository[counted] // by category
	random     *rand.Rand
	streams    draw
	length     firn.Revision // events that every stream has at least
	draft      firn.Draft
}

// counted is the state of the aggregates.
type counted struct{ Events, Bytes int }

// mixed is the workload. Its rates count calls, since these move very different
// numbers of events.
func (b *bench) mixed() workload {
	p := b.pool(sort{size: b.o.Size, length: b.o.length(), shape: b.o.Shape, grown: true})
	return b.arriving(workload{
		name:    "mixed",
		streams: p,
		kinds:   mixedKinds,
		prepare: func(ctx context.Context, doing func(string)) error {
			if _, ok := b.store(0).(firn.History); !ok {
				return firn.Errorf(firn.ErrInvalid, "the store shows no past states (%T): the workload mixed asks for some", b.store(0))
			}
			return b.fill(ctx, p, doing)
		},
		drive: func(ctx context.Context, s stretch) measured {
			return driveKinds(ctx, s, len(mixedKinds), func(i int) client { return b.newMixer(i, p).next })
		},
		floor: b.mixedFloor,
	})
}

func (b *bench) newMixer(i int, p *pool) *mixer {
	m := &mixer{
		store: b.store(i), aggregates: map[string]*aggregate.Repository[counted]{},
		streams: b.newDraw(p), length: firn.Revision(p.length), draft: firn.Draft{Type: eventType, Data: b.data},
	}
	m.history, m.random = m.store.(firn.History), m.streams.random
	for _, c := range []string{category, rareCategory} {
		m.aggregates[c] = aggregate.New(m.store, aggregate.Type[counted]{
			Category: c, Version: "1",
			Apply: func(s counted, e firn.Event) (counted, error) {
				return counted{s.Events + 1, s.Bytes + len(e.Data)}, nil
			},
		}, aggregate.Options{Tries: mixedTries})
	}
	return m
}

func (m *mixer) next() (kind int, do call) {
	switch n := m.random.IntN(100); {
	case n < mixedAggregates:
		return 0, counting(m.decide)
	case n < mixedAggregates+mixedSubscribes:
		return 1, counting(m.catchUp)
	}
	return 2, counting(m.look)
}

// counting is a call that counts as one, whatever it moves.
func counting(do func(context.Context) error) call {
	return func(ctx context.Context, lap func(int) bool) error {
		err := do(ctx)
		if err == nil {
			lap(1)
		}
		return err
	}
}

// decide loads an aggregate, from its snapshot where there is one, and appends an
// event at the revision that was found; where somebody was faster, again.
func (m *mixer) decide(ctx context.Context) error {
	category, id, _ := strings.Cut(m.streams.one(), "-")
	a, _, err := m.aggregates[category].Decide(ctx, id, firn.ID{}, func(aggregate.Aggregate[counted]) ([]firn.Draft, error) {
		return []firn.Draft{m.draft}, nil
	})
	if err == nil && (a.State.Events != int(a.Revision)+1 || a.Revision < m.length) {
		err = firn.Errorf(firn.ErrDamaged, "%q was folded from %d events to revision %d; %d were there before", a.Stream, a.State.Events, a.Revision, m.length)
	}
	return err
}

// catchUp follows the category from anywhere in the log, as a read model that
// was away, until it has seen mixedCatchUp events or all.
func (m *mixer) catchUp(ctx context.Context) error {
	head, _, err := m.store.Head(ctx, firn.Consistency{Local: true})
	if err != nil {
		return err
	}
	from := firn.Position(1 + m.random.Uint64N(max(1, uint64(head))))
	last, events := from-1, 0
	for msg, err := range m.store.Subscribe(ctx, firn.Query{Category: category, From: firn.PositionPoint(from)}) {
		if err != nil {
			return err
		}
		if msg.Mark != nil {
			if msg.Mark.Kind == firn.CaughtUp {
				return nil
			}
			continue
		}
		if msg.Event.Position <= last {
			return firn.Errorf(firn.ErrDamaged, "position %d came after position %d", msg.Event.Position, last)
		}
		if last, events = msg.Event.Position, events+1; events == mixedCatchUp {
			return nil
		}
	}
	return ctx.Err()
}

// look asks for a past state, what changed between two, or where the fields of
// one come from: twice as often for the first.
func (m *mixer) look(ctx context.Context) error {
	stream := m.streams.one()
	at := func() firn.Point { return firn.RevisionPoint(firn.Revision(m.random.Uint64N(uint64(m.length)))) }
	q := firn.StateQuery{Stream: stream, Fold: firn.MergeFold, At: at()}
	var found firn.StreamState
	var err error
	switch m.random.IntN(4) {
	case 0:
		var d firn.StateDiff
		d, err = m.history.Diff(ctx, firn.DiffQuery{Stream: stream, Fold: q.Fold, From: at(), To: q.At})
		found = d.To
	case 1:
		var b firn.Blame
		b, err = m.history.Blame(ctx, firn.BlameQuery{StateQuery: q})
		found = b.State
	default:
		found, err = m.history.State(ctx, q)
	}
	if err == nil && found.Revision != q.At.Revision() {
		err = firn.Errorf(firn.ErrDamaged, "the state of %q at revision %d came as that at %d", stream, q.At.Revision(), found.Revision)
	}
	return err
}

// mixedFloor is the same mixture of what its calls take at least: a round trip
// with an aggregate's events and a synced write, a round trip with what a read
// model catches up with, a round trip with one event.
func (b *bench) mixedFloor(ctx context.Context, f *figure) (value float64, err error) {
	one := logged(b.written.newName(), b.data, 1)
	answer := logged(b.written.newName(), b.data, max(f.streams.length, mixedCatchUp))
	echo, err := openEchoFloor(answer)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, echo.close()) }()
	return f.driveFloor(ctx, func(i int) call {
		load, catchUp := echo.client(len(one)*f.streams.length, 1), echo.client(len(one)*mixedCatchUp, 1)
		look, write := echo.client(len(one), 1), b.file.client(one, 1)
		random := rand.New(rand.NewPCG(4, uint64(i)))
		nothing := func(int) bool { return true }
		return func(ctx context.Context, lap func(int) bool) error {
			switch n := random.IntN(100); {
			case n < mixedAggregates:
				if err := load(ctx, nothing); err != nil {
					return err
				}
				return write(ctx, lap)
			case n < mixedAggregates+mixedSubscribes:
				return catchUp(ctx, lap)
			}
			return look(ctx, lap)
		}
	})
}
