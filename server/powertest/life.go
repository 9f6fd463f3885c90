package powertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// moment is a power loss: the disk as it left it, and what was known by then.
type moment struct {
	disk      *vfs.MemFS
	from      *life
	known     known
	applied   uint64 // index that the node had applied; what lies below it was durable
	unsynced  int64  // bytes that had been written and not synced
	kept      int    // percent of them
	opening   bool   // the node was still starting
	operation        // before which the power went
}

func (m *moment) String() string {
	text := fmt.Sprintf("power lost before %v, %d bytes not synced, %d %% of them kept", m.operation, m.unsynced, m.kept)
	if m.opening {
		text += ", while the node was starting"
	}
	if m.from.moment != nil {
		text += "; before that: " + m.from.moment.String()
	}
	return text
}

// life is a node from one start to its end, whose power is lost many times
// while it goes on: each time a copy of its disk is put aside.
type life struct {
	// set when made, then read only
	seed    uint64
	moment  *moment // what it begins with; nil: an empty disk
	rare    uint64  // the power is lost at one operation in so many
	stride  uint64  // where at always: at each stride-th
	disk    *disk
	journal *journal
	unknown []deed // what may have been done before it began

	operations, ready atomic.Uint64
	node              atomic.Pointer[node]

	mu      sync.Mutex
	moments []*moment
	chains  map[uint64]uint64 // the hash chain by the index after which it was seen
	events  []firn.Event      // what it held in the end; nil: the end did not come
}

// How rarely the power is lost.
const (
	always = 1 // at each operation, and with each share of what was not synced
	never  = 1 << 40
	quiet  = 12 // times rarer while nothing waits for a sync
)

func newLife(seed uint64, m *moment, rare uint64) *life {
	l := &life{seed: seed, moment: m, rare: rare, stride: 1, journal: new(journal), chains: map[uint64]uint64{}}
	mem := vfs.NewCrashableMem()
	if m != nil {
		mem, m.disk = m.disk, nil // it is started once
		l.journal, l.unknown = m.from.journal.until(m.known)
	}
	d := newDisk(mem)
	d.before = func(o operation) fault { return l.before(d, o) }
	l.disk = d
	return l
}

// before decides whether the power is lost before an operation.
func (l *life) before(d *disk, o operation) fault {
	if !o.changes() {
		return works
	}
	unsynced, rare := d.unsynced.Load(), l.rare
	if unsynced == 0 && rare > always {
		rare *= quiet
	}
	n := l.operations.Add(1)
	dice := rand.New(rand.NewPCG(l.seed, n))
	if dice.Uint64N(rare) > 0 || n%l.stride > 0 {
		return works
	}
	kept := []int{0, 50, 100}
	if rare > always {
		kept = []int{kept[dice.IntN(3)]}
	}
	for _, percent := range kept {
		l.cut(d, &moment{from: l, unsynced: unsynced, kept: percent, opening: l.ready.Load() == 0, operation: o}, dice)
	}
	return works
}

// cut loses the power now.
func (l *life) cut(d *disk, m *moment, dice *rand.Rand) {
	if n := l.node.Load(); n != nil {
		m.applied, _ = n.Chain()
	}
	// Whatever is acknowledged by now must be there; whatever was begun until
	// the copy is made may be.
	m.known.told = l.journal.known().told
	m.disk = d.cut(m.kept, dice)
	m.known.asked = l.journal.known().asked
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moments = append(l.moments, m)
}

// live starts the node, holds what it has against what was acknowledged, does so
// many steps, and closes it. What it finds wrong is the error.
func (l *life) live(ctx context.Context, clients, steps int) error {
	n, err := start(l.disk)
	if err != nil {
		return fmt.Errorf("the node does not start: %w", err)
	}
	l.node.Store(n)
	err = l.lead(ctx, n, clients, steps)
	if closed := n.Close(); err == nil && closed != nil {
		err = fmt.Errorf("close: %w", closed)
	}
	// The nodes to come remember this life, and must not keep its memory.
	l.node.Store(nil)
	l.disk = nil
	return err
}

func (l *life) lead(ctx context.Context, n *node, clients, steps int) error {
	if err := l.inherited(n); err != nil {
		return err
	}
	if err := n.ready(ctx); err != nil {
		return err
	}
	l.ready.Store(1)
	if l.moment != nil {
		if err := l.recovered(ctx, n); err != nil {
			return err
		}
	}
	if steps > 0 {
		if err := l.work(ctx, n, clients, steps); err != nil {
			return err
		}
	}
	events, err := l.hold(ctx, n)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = events
	return nil
}

// recovered checks the node right after a power loss, and settles what nobody
// knows.
func (l *life) recovered(ctx context.Context, n *node) error {
	if err := l.inherited(n); err != nil {
		return err
	}
	if index, _ := n.Chain(); index < l.moment.applied {
		return &check.Fault{Check: check.Acknowledged, Text: fmt.Sprintf("the node had applied the log up to %d, and has it up to %d", l.moment.applied, index)}
	}
	events, err := l.hold(ctx, n)
	if err != nil {
		return err
	}
	if before := l.moment.from.end(); before != nil {
		if err := begins(before, events); err != nil {
			return err
		}
	}
	return l.settle(ctx, n, events)
}

// inherited compares the hash chain with that of the life before, where both
// are known at one index.
func (l *life) inherited(n *node) error {
	index, hash := n.Chain()
	if l.moment == nil || index == 0 || index > l.moment.applied {
		return nil
	}
	from := l.moment.from
	from.mu.Lock()
	before, ok := from.chains[index]
	from.mu.Unlock()
	if ok && before != hash {
		return &check.Fault{Check: "chain", Text: fmt.Sprintf("after entry %d the chain was %016x, and is %016x", index, before, hash)}
	}
	return nil
}

// take takes the power losses of a life.
func (l *life) take() []*moment {
	l.mu.Lock()
	defer l.mu.Unlock()
	moments := l.moments
	l.moments = nil
	return moments
}

// see notes the hash chain.
func (l *life) see(n *node) {
	index, hash := n.Chain()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chains[index] = hash
}

func (l *life) end() []firn.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events
}

// begins reports where a log does not begin with what a life that was not cut
// short held in the end. What was hidden by then can not be compared.
func begins(whole, part []firn.Event) error {
	for i := range part {
		if i >= len(whole) || part[i].Stream != whole[i].Stream || part[i].ID != whole[i].ID || !part[i].Time.Equal(whole[i].Time) {
			return &check.Fault{Check: check.Content, Text: fmt.Sprintf("position %d holds %+v, which the node had not written", i+1, part[i])}
		}
	}
	return nil
}

// settle asks again for what nobody knows, with the same ids.
func (l *life) settle(ctx context.Context, n *node, events []firn.Event) error {
	held := map[firn.ID]bool{}
	for i := range events {
		held[events[i].ID] = true
	}
	left := l.unknown[:0:0]
	for _, d := range l.unknown {
		if !d.repeats() {
			left = append(left, d)
			continue
		}
		a := d.ask(ctx, n)
		for ctx.Err() == nil && (errors.Is(a.err, firn.ErrUnavailable) || errors.Is(a.err, firn.ErrTimeout)) {
			a = d.ask(ctx, n) // nothing was done: the machine is busy
		}
		if !answered(a.err) {
			return fmt.Errorf("an outcome that was unknown is not settled by asking again: %w", a.err)
		}
		if app, ok := d.(*appending); ok {
			there := held[app.writes[0].Drafts[0].ID]
			if there != (a.err == nil && a.appended.Repeated) {
				return &check.Fault{Check: check.Once, Text: fmt.Sprintf("an append whose outcome was unknown is there: %t; asked again, it is answered %+v, %v", there, a.appended, a.err)}
			}
		}
		l.journal.tell(d, a)
	}
	l.unknown = left
	return nil
}

// work lets clients and a consumer of the group do something.
func (l *life) work(ctx context.Context, n *node, clients, steps int) error {
	consuming, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	errs := make([]error, clients+1)
	if !slices.ContainsFunc(l.journal.begun(), func(d deed) bool { _, ok := d.(*grouping); return ok }) {
		first := newClient(l.seed, 0, n, l.journal)
		if err := first.do(ctx, new(grouping)); err != nil {
			return l.ended(n, err)
		}
	}
	consumer := &consumer{node: n, journal: l.journal}
	running.Go(func() { errs[clients] = consumer.run(consuming) })
	var working sync.WaitGroup
	for i := range clients {
		working.Go(func() {
			c := newClient(l.seed, i+1, n, l.journal)
			for range steps / clients {
				l.see(n)
				if errs[i] = c.step(ctx); errs[i] != nil {
					return
				}
			}
		})
	}
	working.Wait()
	stop()
	running.Wait()
	l.see(n)
	return l.ended(n, errors.Join(errs...))
}

// ended says why a node that was not cut off stopped answering.
func (l *life) ended(n *node, err error) error {
	if failure := n.Err(); failure != nil {
		return fmt.Errorf("the node gave up: %w", failure)
	}
	return err
}

// stalled reports whether a node has ended itself, or was not closed in time,
// because the machine was too busy: that is counted in real seconds.
func stalled(err error) bool {
	return strings.Contains(err.Error(), "has not ended for") || strings.Contains(err.Error(), "did not stop within")
}
