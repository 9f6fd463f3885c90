package servertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
)

// Load is clients that append at random until they are stopped. An append of
// which nobody knows whether it was done is repeated, with its ids, until
// somebody does.
type Load struct {
	Ledger check.Ledger

	t       testing.TB
	seed    uint64
	cancel  context.CancelFunc
	running sync.WaitGroup
	repeats atomic.Int64
	longest atomic.Int64 // time between two acknowledged appends of one client, ns
}

// repeatTimeout bounds how long an unknown append is repeated once the load is
// stopped.
const repeatTimeout = time.Minute

// StartLoad starts clients on the stores, in turn. Stop must be called.
func StartLoad(t testing.TB, clients int, stores ...firn.Store) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{t: t, seed: testenv.Seed(t), cancel: cancel}
	t.Cleanup(cancel)
	for i := range clients {
		c := &loader{
			load: l, db: stores[i%len(stores)], name: fmt.Sprintf("load%d", i),
			random: rand.New(rand.NewPCG(l.seed, uint64(i))), next: make(map[string]firn.Expectation),
		}
		l.running.Go(func() { c.run(ctx) })
	}
	return l
}

// Await returns once n further appends are acknowledged.
func (l *Load) Await(n int) {
	l.t.Helper()
	want, deadline := l.Ledger.Count(check.Done)+n, time.Now().Add(startTimeout)
	for l.Ledger.Count(check.Done) < want {
		if time.Now().After(deadline) {
			l.t.Fatalf("%d appends were acknowledged, and %d more were not within %v", want-n, n, startTimeout)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// Stop ends the load, and returns once no append is left unknown that could be
// asked about.
func (l *Load) Stop() {
	l.t.Helper()
	l.cancel()
	l.running.Wait()
	l.t.Logf("%d appends were done, %d not done, %d unknown; %d repetitions; the longest pause of a client was %v",
		l.Ledger.Count(check.Done), l.Ledger.Count(check.NotDone), l.Ledger.Count(check.Unknown), l.repeats.Load(), time.Duration(l.longest.Load()).Round(time.Millisecond))
}

// Check holds what a node has against what the clients were told.
func (l *Load) Check(log []firn.Event) {
	l.t.Helper()
	if err := l.Ledger.Check(log); err != nil {
		l.t.Errorf("the log is not what the clients were told:\n%v", err)
	}
}

// loader is one client. Only its goroutine uses it.
type loader struct {
	load   *Load
	db     firn.Store
	name   string
	random *rand.Rand
	next   map[string]firn.Expectation // of its own streams
	last   time.Time                   // when an append was last acknowledged
}

func (c *loader) run(ctx context.Context) {
	c.last = time.Now()
	for ctx.Err() == nil {
		writes := c.writes()
		told, err := c.append(ctx, writes)
		switch c.load.Ledger.Add(writes, told, err) {
		case check.Done:
			c.learn(&told)
			c.acknowledged(time.Now())
		case check.NotDone:
			c.refused(err)
		case check.Unknown:
			c.load.t.Errorf("an append is still unknown after %v: %v", repeatTimeout, err)
			return
		}
		// What is tested is what goes on at once, not how much of it.
		time.Sleep(time.Duration(c.random.IntN(8)) * time.Millisecond)
	}
}

func (c *loader) acknowledged(now time.Time) {
	pause := int64(now.Sub(c.last))
	c.last = now
	for before := c.load.longest.Load(); pause > before && !c.load.longest.CompareAndSwap(before, pause); {
		before = c.load.longest.Load()
	}
}

// append appends, and repeats the append as long as its outcome is unknown,
// also when the load is being stopped meanwhile.
func (c *loader) append(ctx context.Context, writes []firn.Write) (firn.Appended, error) {
	told, err := c.db.Append(context.WithoutCancel(ctx), writes...)
	for deadline := time.Now().Add(repeatTimeout); err != nil && check.OutcomeOf(err) == check.Unknown && time.Now().Before(deadline); {
		c.load.repeats.Add(1)
		again, retry := c.db.Append(context.WithoutCancel(ctx), writes...)
		if check.Settles(retry) || check.OutcomeOf(retry) == check.Unknown {
			told, err = again, retry
		}
	}
	return told, err
}

// refused learns where the stream is on which all clients work. No append to a
// stream that this client alone writes may be refused for its expectation.
func (c *loader) refused(err error) {
	var conflict *firn.ConflictError
	switch {
	case errors.As(err, &conflict) && !strings.HasPrefix(conflict.Stream, c.name):
		c.next[conflict.Stream] = conflict.Actual
	case !errors.Is(err, firn.ErrUnavailable) && !errors.Is(err, firn.ErrNoSpace) && !errors.Is(err, firn.ErrBusy) && !errors.Is(err, firn.ErrNotLeader):
		c.load.t.Errorf("client %s was refused: %v", c.name, err)
	}
}

func (c *loader) learn(told *firn.Appended) {
	for _, w := range told.Writes {
		c.next[w.Stream] = firn.At(w.LastRevision)
	}
}

// writes makes up an append: one event, several, several streams, or one on
// which all clients work, so that some are refused.
func (c *loader) writes() []firn.Write {
	own := func() string { return fmt.Sprintf("%s-%d", c.name, c.random.IntN(4)) }
	switch c.random.IntN(8) {
	case 0: // atomically to several streams
		a, b := own(), own()
		for b == a {
			b = own()
		}
		return []firn.Write{c.write(a, 1), c.write(b, 2), firn.To("shared-log", firn.Any, c.drafts(1)...)}
	case 1: // where all work, at what this client believes to be its revision
		return []firn.Write{c.write("shared-counter", 1)}
	case 2:
		return []firn.Write{c.write(own(), 1+c.random.IntN(10))}
	}
	return []firn.Write{c.write(own(), 1)}
}

func (c *loader) write(stream string, events int) firn.Write {
	expect, known := c.next[stream]
	if !known {
		expect = firn.None
		if strings.HasPrefix(stream, "shared") {
			expect = firn.Any
		}
	}
	return firn.To(stream, expect, c.drafts(events)...)
}

func (c *loader) drafts(n int) []firn.Draft {
	drafts := make([]firn.Draft, n)
	for i := range drafts {
		data := make([]byte, 20+c.random.IntN(400))
		for j := range data {
			data[j] = byte('a' + c.random.IntN(26))
		}
		drafts[i] = firn.Draft{ID: firn.NewID(), Type: "Loaded", Data: fmt.Appendf(nil, "%q", data)}
	}
	return drafts
}
