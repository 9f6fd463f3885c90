package service

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/group"
)

// lead is what a replica does while it leads: it coordinates the consumer
// groups, makes snapshots, and scavenges. What was scavenged it removes always.
type lead struct {
	service *Service
	replica *Replica
	ctx     context.Context // ends with close
	cancel  context.CancelFunc
	keeper  *keeper
	sweeper *sweeper
	running sync.WaitGroup

	mu      sync.Mutex
	term    uint64 // of the leadership that is taken up; 0: none
	groups  map[string]*coordinated
	changed chan struct{} // closed when term changes
}

// coordinated is a group with its coordinator.
type coordinated struct {
	*group.Coordinator
	created firn.Position
	version uint64   // of the definition
	types   []string // as they are stored
}

// takeUpPause is how long a leader waits before it tries again to learn what
// earlier ones have acknowledged.
const takeUpPause = 50 * time.Millisecond

func (s *Service) takeUp(r *Replica) *lead {
	l := &lead{service: s, replica: r, groups: make(map[string]*coordinated), changed: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.keeper, l.sweeper = newKeeper(l), newSweeper(l)
	l.running.Go(l.follow)
	l.running.Go(l.followDefinitions)
	l.running.Go(l.followUsers)
	l.running.Go(l.keeper.run)
	l.running.Go(l.sweeper.run)
	return l
}

func (l *lead) close() {
	l.cancel()
	l.running.Wait()
	l.lay(firn.Errorf(firn.ErrUnavailable, "this node is stopping, or being set up from an image; ask another node"))
}

// follow takes leadership up and lays it down.
func (l *lead) follow() {
	for l.ctx.Err() == nil {
		term, changed, err := l.replica.Log.Leadership()
		l.mu.Lock()
		current := l.term
		l.mu.Unlock()
		var again <-chan time.Time
		if err != nil {
			l.lay(err)
		} else if term != current {
			l.lay(firn.Errorf(firn.ErrUnavailable, "leadership has changed; try again"))
			if l.replica.Log.ReadIndex(l.ctx) == nil {
				l.begin(term)
			}
			again = time.After(takeUpPause) // was it this term's?
		}
		select {
		case <-changed:
		case <-again:
		case <-l.ctx.Done():
		}
	}
}

// begin takes up the leadership of a term. All that earlier leaders have
// acknowledged is applied.
func (l *lead) begin(term uint64) {
	if now, _, err := l.replica.Log.Leadership(); err != nil || now != term {
		return
	}
	l.mu.Lock()
	l.term = term
	l.turn()
	l.mu.Unlock()
	l.coordinate()
}

// lay lays leadership down. err says to consumers why.
func (l *lead) lay(err error) {
	l.mu.Lock()
	ended := l.groups
	if l.term > 0 {
		l.term = 0
		l.turn()
	}
	l.groups = make(map[string]*coordinated)
	l.mu.Unlock()
	for _, g := range ended {
		g.Stop(err)
	}
}

// leading returns the term of the leadership that is taken up, 0 for none, and
// a channel that is closed when it is another.
func (l *lead) leading() (term uint64, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term, l.changed
}

// turn wakes those who wait for leadership to be taken up. mu is held.
func (l *lead) turn() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *lead) followDefinitions() {
	at := firn.Position(0)
	for l.replica.Engine.WaitDefined(l.ctx, at) == nil {
		_, at = l.replica.Engine.Definitions(command.ClassGroup)
		l.coordinate()
	}
}

// coordinate starts, updates and ends coordinators as the groups' definitions
// say.
func (l *lead) coordinate() {
	var ended []*coordinated
	l.mu.Lock()
	if l.term > 0 {
		ended = l.coordinateAll()
	}
	l.mu.Unlock()
	for _, g := range ended {
		g.Stop(firn.Errorf(firn.ErrNotFound, "the group was deleted"))
	}
}

func (l *lead) coordinateAll() (ended []*coordinated) {
	definitions, _ := l.replica.Engine.Definitions(command.ClassGroup)
	shapes := l.service.shapes(l.replica.Engine)
	defined := make(map[string]bool)
	for i := range definitions {
		d := &definitions[i]
		progress, found := l.replica.Engine.GroupProgress(d.Name)
		settings, _, err := group.Decode(d.Name, d.Body)
		if !found || err != nil || progress.Created > d.Position {
			continue // it has changed once more; this is looked at again
		}
		defined[d.Name] = true
		settings.Types = shapes.storedTypes(&settings)
		g := l.groups[d.Name]
		if g != nil && g.created != progress.Created {
			ended = append(ended, g)
			g = nil
		}
		if g == nil {
			g = &coordinated{created: progress.Created, Coordinator: group.Start(group.Options{
				Engine: l.replica.Engine, Log: l.replica.Log, Group: settings, Created: progress.Created, Epoch: l.term,
				Now: l.service.options.Now, Logger: l.service.options.Logger,
			})}
			l.groups[d.Name] = g
		} else if g.version != d.Version || !slices.Equal(g.types, settings.Types) {
			g.Update(settings)
		}
		g.version, g.types = d.Version, settings.Types
	}
	for name, g := range l.groups {
		if !defined[name] {
			ended = append(ended, g)
			delete(l.groups, name)
		}
	}
	return ended
}

// coordinator returns a group's coordinator. Where another node leads, it says
// so; a new leader first takes its leadership up.
func (l *lead) coordinator(ctx context.Context, name string) (*group.Coordinator, error) {
	for {
		l.mu.Lock()
		term, changed := l.term, l.changed
		l.mu.Unlock()
		now, turned, err := l.replica.Log.Leadership()
		if err != nil {
			return nil, err
		}
		if term == now {
			break
		}
		select {
		case <-changed:
		case <-turned:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.ctx.Done():
			return nil, firn.Errorf(firn.ErrUnavailable, "this node is stopping; ask another node")
		}
	}
	l.coordinate() // what was defined just now counts
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[name]; g != nil {
		return g.Coordinator, nil
	}
	return nil, noGroup(name)
}

func noGroup(name string) error {
	return firn.Errorf(firn.ErrNotFound, "there is no group %.128q; create it, or look whether the name is right", name)
}

// all returns the coordinators of all groups, while this node leads.
func (l *lead) all() []*group.Coordinator {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*group.Coordinator
	for _, g := range l.groups {
		all = append(all, g.Coordinator)
	}
	return all
}
