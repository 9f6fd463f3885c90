package tcptest

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// MemoryGroups keeps consumer groups of a store in memory, one event after the other
// in a list, simple enough to believe. It looks at the store each millisecond.
// Several backends may share one, as the nodes of a cluster do.
type MemoryGroups struct {
	store firn.Store

	mu     sync.Mutex
	epoch  uint64 // see Elect
	number uint64 // of the token given last
	groups map[string]*group
	ids    map[firn.ID]firn.Position // what each definition has answered
}

type group struct {
	is        firn.Group
	seen      firn.Position // everything up to here was looked at
	entries   []*entry      // what matches and is not settled, by position
	replayed  firn.Position // what comes up to here was passed before
	consumers map[*consumer]bool
}

type entry struct {
	event    firn.Event
	attempts uint32
	replay   bool
	due      time.Time // of the next attempt
	held     *consumer // who has it; nil: nobody
	token    firn.Token
	lease    time.Time // when it ends
	parked   time.Time // zero: it is not
	reason   string
}

// NewMemoryGroups returns the groups of a store, of which there are none yet.
func NewMemoryGroups(store firn.Store) *MemoryGroups {
	return &MemoryGroups{store: store, epoch: 1, groups: make(map[string]*group), ids: make(map[firn.ID]firn.Position)}
}

// Elect begins another leadership: the consumers so far are gone, and what they
// held is due again.
func (g *MemoryGroups) Elect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.epoch++
	for _, one := range g.groups {
		for c := range one.consumers {
			one.release(c)
			delete(one.consumers, c)
		}
	}
}

func (g *MemoryGroups) find(name string) (*group, error) {
	one := g.groups[name]
	if one == nil {
		return nil, firn.Errorf(firn.ErrNotFound, "there is no group %q", name)
	}
	return one, nil
}

func (g *MemoryGroups) define(id firn.ID, change func(at firn.Position) error) (firn.Position, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at, done := g.ids[id]; done {
		return at, nil
	}
	at, _, err := g.store.Head(context.Background(), firn.Consistency{})
	if err == nil {
		err = change(at)
	}
	if err != nil {
		return 0, err
	}
	g.ids[id] = at
	return at, nil
}

func (g *MemoryGroups) CreateGroup(ctx context.Context, id firn.ID, is firn.Group) (firn.Position, error) {
	is.MaxAttempts, is.InFlight = cmp.Or(is.MaxAttempts, 10), cmp.Or(is.InFlight, 256)
	is.Lease, is.RetryMin, is.RetryMax = cmp.Or(is.Lease, 30*time.Second), cmp.Or(is.RetryMin, time.Second), cmp.Or(is.RetryMax, 5*time.Minute)
	return g.define(id, func(head firn.Position) error {
		if g.groups[is.Name] != nil {
			return firn.Errorf(firn.ErrAlreadyExists, "the group %q exists", is.Name)
		}
		one := &group{is: is, consumers: make(map[*consumer]bool)}
		switch is.From.Kind() {
		case firn.PointEnd:
			one.seen = head
		case firn.PointPosition:
			one.seen = is.From.Position() - 1
		}
		g.groups[is.Name] = one
		return nil
	})
}

func (g *MemoryGroups) UpdateGroup(ctx context.Context, id firn.ID, is firn.Group) (firn.Position, error) {
	return g.define(id, func(firn.Position) error {
		one, err := g.find(is.Name)
		if err == nil {
			one.is = is
		}
		return err
	})
}

func (g *MemoryGroups) DeleteGroup(ctx context.Context, id firn.ID, name string) (firn.Position, error) {
	return g.define(id, func(firn.Position) error {
		_, err := g.find(name)
		delete(g.groups, name)
		return err
	})
}

func (g *MemoryGroups) Groups(ctx context.Context) (all []firn.Group, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, one := range g.groups {
		all = append(all, one.is)
	}
	slices.SortFunc(all, func(a, b firn.Group) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// look finds a group, reads what the store has had since, and does with it.
func (g *MemoryGroups) look(ctx context.Context, name string, with func(*group) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, err := g.find(name)
	if err != nil {
		return err
	}
	q := firn.Query{All: one.is.All, Category: one.is.Category, Stream: one.is.Stream, From: firn.PositionPoint(one.seen + 1)}
	for e, err := range g.store.Read(ctx, q) {
		if err != nil {
			return err
		}
		if one.seen = e.Position; one.wants(&e) {
			one.entries = append(one.entries, &entry{event: e, replay: e.Position <= one.replayed})
		}
	}
	now := time.Now()
	for _, e := range one.entries {
		if e.held != nil && now.After(e.lease) {
			one.again(e, "its lease ended", 0)
		}
	}
	return with(one)
}

func (one *group) wants(e *firn.Event) bool {
	prefixed := func(name string, prefixes []string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	types := len(one.is.Types)+len(one.is.TypePrefixes) == 0 || slices.Contains(one.is.Types, e.Type) || prefixed(e.Type, one.is.TypePrefixes)
	return types && (len(one.is.StreamPrefixes) == 0 || prefixed(e.Stream, one.is.StreamPrefixes))
}

// again makes an event due once more, or parks it after its last attempt.
func (one *group) again(e *entry, reason string, delay time.Duration) {
	e.held, e.reason = nil, reason
	if e.attempts >= one.is.MaxAttempts {
		e.parked = time.Now()
		return
	}
	if delay == 0 {
		delay = min(one.is.RetryMin<<min(e.attempts-1, 30), one.is.RetryMax)
	}
	e.due = time.Now().Add(delay)
}

// release gives back what a consumer holds.
func (one *group) release(c *consumer) {
	for _, e := range one.entries {
		if e.held == c {
			e.held = nil
		}
	}
}

// passed is the position up to which everything is settled, parked, or waits
// behind what is parked.
func (one *group) passed(head firn.Position) firn.Position {
	aside := map[string]bool{}
	for _, e := range one.entries {
		switch {
		case !e.parked.IsZero():
			aside[e.event.Stream] = one.is.OnPark == firn.ParkStops && !one.is.Unordered
		case !aside[e.event.Stream]:
			return e.event.Position - 1
		}
	}
	return head
}

func (g *MemoryGroups) GroupInfo(ctx context.Context, name string) (info firn.GroupInfo, err error) {
	head, _, err := g.store.Head(ctx, firn.Consistency{})
	if err != nil {
		return info, err
	}
	err = g.look(ctx, name, func(one *group) error {
		info = firn.GroupInfo{Group: one.is, Passed: one.passed(head), Head: head, LagExact: true, Consumers: uint32(len(one.consumers))}
		for _, e := range one.entries {
			switch {
			case !e.parked.IsZero():
				info.Parked++
				continue
			case e.held != nil:
				info.InFlight++
			case e.attempts > 0:
				info.Retrying++
			}
			info.Lag++
		}
		return nil
	})
	return info, err
}

func (g *MemoryGroups) Parked(ctx context.Context, name string) iter.Seq2[firn.ParkedEvent, error] {
	return func(yield func(firn.ParkedEvent, error) bool) {
		var all []firn.ParkedEvent
		err := g.look(ctx, name, func(one *group) error {
			for _, e := range one.entries {
				if e.parked.IsZero() {
					continue
				}
				p := firn.ParkedEvent{
					Stream: e.event.Stream, Revision: e.event.Revision, Position: e.event.Position, ID: e.event.ID,
					Type: e.event.Type, Attempts: e.attempts, Reason: e.reason, Time: e.parked,
				}
				for _, other := range one.entries {
					if other.event.Stream == e.event.Stream && other.event.Position > e.event.Position {
						p.Behind++
					}
				}
				all = append(all, p)
			}
			return nil
		})
		if err != nil {
			yield(firn.ParkedEvent{}, err)
			return
		}
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// unpark does with the parked events that are selected; it may remove them.
func (g *MemoryGroups) unpark(ctx context.Context, name string, which firn.ParkedSelection, do func(*group, *entry)) (count uint64, err error) {
	err = g.look(ctx, name, func(one *group) error {
		for _, e := range slices.Clone(one.entries) {
			if !e.parked.IsZero() && (which.All || which.Stream == e.event.Stream || which.ID == e.event.ID) {
				count++
				do(one, e)
			}
		}
		return nil
	})
	return count, err
}

func (g *MemoryGroups) Replay(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return g.unpark(ctx, name, which, func(_ *group, e *entry) {
		e.parked, e.due, e.attempts, e.replay = time.Time{}, time.Time{}, 0, true
	})
}

func (g *MemoryGroups) Drop(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return g.unpark(ctx, name, which, (*group).remove)
}

func (one *group) remove(e *entry) {
	one.entries = slices.DeleteFunc(one.entries, func(other *entry) bool { return other == e })
}

func (g *MemoryGroups) Rewind(ctx context.Context, name string, to firn.Point, dryRun bool) (r firn.Rewound, err error) {
	head, _, err := g.store.Head(ctx, firn.Consistency{})
	if err != nil {
		return r, err
	}
	err = g.look(ctx, name, func(one *group) error {
		r = firn.Rewound{From: one.passed(head)}
		switch to.Kind() {
		case firn.PointEnd:
			r.To = head
		case firn.PointPosition:
			r.To = to.Position()
		}
		for e, err := range g.store.Read(ctx, firn.Query{All: one.is.All, Category: one.is.Category, Stream: one.is.Stream, From: firn.PositionPoint(r.To + 1)}) {
			if err != nil {
				return err
			}
			if one.wants(&e) {
				r.Redelivered++
			}
		}
		if !dryRun {
			one.entries, one.seen, one.replayed = nil, r.To, r.From
		}
		return nil
	})
	return r, err
}

// wait calls a function each millisecond until it reports true.
func wait(ctx context.Context, until func() (bool, error)) error {
	for {
		if done, err := until(); done || err != nil {
			return err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *MemoryGroups) WaitGroup(ctx context.Context, name string, p firn.Position) (parked uint64, err error) {
	err = wait(ctx, func() (bool, error) {
		info, err := g.GroupInfo(ctx, name)
		parked = info.Parked
		return info.Passed >= p, err
	})
	return parked, err
}
