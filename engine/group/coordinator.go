package group

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
)

// Log is the leader's way into the Raft log.
type Log interface {
	// Propose has an item applied, and returns what that answered; see
	// replication.Node.
	Propose(ctx context.Context, item []byte) (command.Result, error)
}

// Options say what a coordinator works on. All must be set.
type Options struct {
	Engine  *engine.Engine
	Log     Log
	Group   firn.Group // see WithDefaults
	Created firn.Position
	Epoch   uint64 // of the leadership: the Raft term
	Now     func() time.Time
	Logger  *slog.Logger
}

// Coordinator hands a group's events to its consumers, while this node leads.
// Its methods may be called from many goroutines at once.
type Coordinator struct {
	// Set by Start, then read only.
	o       Options
	name    string
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	running sync.WaitGroup
	wake    chan struct{} // something changed that the loop looks at
	ops     chan *operation
	landed  chan error    // how the step under way has ended
	moved   chan struct{} // the head has moved
	ended   chan struct{} // closed with over

	// Owned by the loop.
	loaded    bool
	progress  engine.GroupProgress // after the last step that is known to be applied
	counts    command.Counts       // after the newest step
	follower  *engine.Follower
	through   firn.Position // the flow has been read up to here
	reach     firn.Position // up to here streams that catch up have settled something
	atHead    bool
	watching  bool      // a goroutine waits for the head
	fullSince time.Time // there has been no room for more of it; zero: there is
	flow      []*item   // in order of position, not aside, not done
	lanes     map[string]*lane
	active    map[*lane]struct{}  // lanes that catch up
	alone     map[asideKey]*item  // asides by themselves, in memory
	held      map[string]struct{} // streams that the step under way sets aside
	stale     []command.Aside
	dueAt     time.Time     // when to look for what is due; zero: never
	firstDue  firn.Position // before the first aside that is due nothing is unsettled; 0: there is none
	next      *flight       // the step that is being made
	flight    *flight
	stepped   time.Time // when the last step ended

	mu        sync.Mutex
	group     firn.Group
	anew      bool  // what is in memory is in the wrong order
	over      error // the coordinator has ended
	ready     queue
	bytes     int // of the records in memory
	delivered map[uint64]*item
	number    uint64 // of the last delivery
	leaseAt   time.Time
	answered  []*item
	consumers map[*Consumer]struct{}
	waiting   []*Consumer // for a delivery, the longest waiting first
	view      view
	changed   chan struct{} // closed when view.passed changes; nil while nobody waits
	rates     rates
}

// Start begins to coordinate a group. What it goes by is what the engine has
// applied: the caller makes sure that this holds all that earlier leaders have
// acknowledged.
func Start(o Options) *Coordinator {
	c := &Coordinator{
		o: o, name: o.Group.Name, group: o.Group,
		wake: make(chan struct{}, 1), ops: make(chan *operation), landed: make(chan error, 1),
		moved: make(chan struct{}, 1), ended: make(chan struct{}),
		consumers: make(map[*Consumer]struct{}),
		// Numbers are not used again, even by another coordinator of this epoch.
		number: uint64(max(0, o.Now().UnixMicro())),
	}
	c.next = c.newFlight()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.rates.began = o.Now()
	c.running.Go(c.run)
	return c
}

// Stop ends the coordinator and with it, in err, all that its consumers wait
// for. It returns once nothing of it runs any more.
func (c *Coordinator) Stop(err error) {
	c.mu.Lock()
	if c.over == nil {
		c.over = err
		close(c.ended)
	}
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.next.calls {
		call.finish(c.over)
	}
	for _, it := range c.answered {
		it.answer.call.finish(c.over)
	}
	c.answered = nil
}

// Update changes the group's settings. Which types of events it follows may be
// others, where upcasters make others into the wanted ones; all else that it
// follows stays.
func (c *Coordinator) Update(g firn.Group) {
	c.mu.Lock()
	c.anew = c.anew || c.group.Unordered != g.Unordered || !SameTarget(&c.group, &g)
	c.group = g
	c.dispatch()
	c.mu.Unlock()
	c.poke()
}

func (c *Coordinator) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Coordinator) settings() firn.Group {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group
}

// Between two looks of an idle coordinator, and after trouble.
const (
	idlePause    = 10 * time.Second
	troublePause = 100 * time.Millisecond
)

// run is the loop: it alone reads, decides, and proposes. Everything else puts
// something before it and pokes it.
func (c *Coordinator) run() {
	defer c.rest()
	for c.ctx.Err() == nil {
		if !c.loaded && c.flight != nil {
			c.await(true) // what it does is in what is read then
			continue
		}
		err := c.load()
		busy := false
		if err == nil {
			c.expire()
			busy, err = c.readFlow()
		}
		if err == nil && c.flight != nil {
			c.gather()
		}
		if err == nil && c.flight == nil {
			if err = c.readAsides(); err == nil {
				c.begin()
			}
		}
		if err != nil {
			c.trouble(err)
		}
		c.publish()
		if !busy || err != nil {
			c.await(err != nil)
		} else {
			c.glance()
		}
	}
	if c.flight != nil {
		c.land(<-c.landed)
	}
}

// glance looks at what must not wait until the flow has been read.
func (c *Coordinator) glance() {
	var ops chan *operation
	if c.flight == nil {
		ops = c.ops
	}
	select {
	case err := <-c.landed:
		c.land(err)
	case op := <-ops:
		c.operate(op)
	default:
	}
}

// trouble handles an error of the engine's. The loop tries again.
func (c *Coordinator) trouble(err error) {
	if c.ctx.Err() == nil && !errors.Is(err, firn.ErrUnavailable) {
		c.o.Logger.Error("consumer group", "group", c.name, "error", err)
	}
}

// await returns when there may be something to do.
func (c *Coordinator) await(trouble bool) {
	pause := idlePause
	if trouble {
		pause = troublePause
	}
	now := c.o.Now()
	c.mu.Lock()
	soonest := c.leaseAt
	c.mu.Unlock()
	if c.flight == nil {
		soonest = sooner(soonest, c.dueAt)
	}
	if !soonest.IsZero() && !trouble {
		pause = min(pause, max(0, soonest.Sub(now)))
	}
	if full := now.Sub(c.fullSince); full < slow {
		pause = min(pause, slow-full)
	}
	c.watchHead()
	var ops chan *operation
	if c.flight == nil && !trouble {
		ops = c.ops
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-c.wake:
	case <-c.moved:
		c.watching, c.atHead = false, false
	case err := <-c.landed:
		c.land(err)
	case op := <-ops:
		c.operate(op)
	case <-timer.C:
		if pause == idlePause {
			c.rest()
		}
	case <-c.ctx.Done():
	}
}

// rest lets go of the memory that the follower holds.
func (c *Coordinator) rest() {
	if c.follower != nil {
		c.follower.Rest()
	}
}

// sooner returns the earlier of two times, of which a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// watchHead has the loop woken when there is something behind what it has read.
func (c *Coordinator) watchHead() {
	if !c.atHead || c.watching {
		return
	}
	c.watching = true
	after := c.through
	c.running.Go(func() {
		if c.o.Engine.WaitHead(c.ctx, after) == nil {
			c.moved <- struct{}{}
		}
	})
}
