package check_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// TestFaults runs subscribers and consumer groups on a cluster of three nodes
// whose leaders are transferred and stopped, and whose links are cut: between
// nodes, one way and both, and between clients and nodes. In the end everything
// that they were told is held against the log. FIRN_CHECK_FOR=8h makes it last.
func TestFaults(t *testing.T) {
	t.Parallel()
	seed := testenv.Seed(t)
	until := time.Now().Add(duration(t, 4*time.Second))
	for round := uint64(0); round == 0 || time.Now().Before(until) && !t.Failed(); round++ {
		faulty(t, seed+round, min(time.Until(until), 20*time.Second))
	}
}

// faulty is one cluster.
func faulty(t *testing.T, seed uint64, d time.Duration) {
	c, links := servertest.StartLinked(t, 3, func(int, *server.Config) {})
	options := client.Options{Timeout: 3 * time.Second, DialTimeout: 500 * time.Millisecond, KeepAlive: 300 * time.Millisecond}
	dial := func() *client.Client { return links.Dial(t, options) }
	f := &faults{t: t, cluster: c, links: links, rand: dice(seed, 1), db: dial(), stopped: -1}
	// Long enough for each group in turn to come to its end: consumers that were
	// called off before would leave events behind that nobody has lost.
	ctx, cancel := context.WithTimeout(t.Context(), d+8*time.Minute)
	defer cancel()

	followers := startFollowers(ctx, seed, dial())
	groups := startGroups(ctx, t, seed, dial)
	appending, enough := context.WithCancel(ctx)
	defer enough()
	var load sync.WaitGroup
	for i := range 3 {
		load.Go(func() { appendTo(appending, dial(), dice(seed, uint64(10+i)), i) })
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		f.next()
	}
	f.mend()
	enough()
	load.Wait()

	db, began := c.Dial(), time.Now()
	log := check.Log{Events: servertest.Agree(t, db, c.Address(0), c.Address(1), c.Address(2))}
	followers.check(ctx, t, &log)
	for _, g := range groups {
		if err := settleAll(t, g.history.Watch(db), g.history, g.crowd, g.crowd.group.Name, db); err != nil {
			t.Errorf("the group %s:\n%v", g.crowd.group.Name, err)
		}
	}
	t.Logf("%d events; %s; all was told %v later", len(log.Events), f, time.Since(began).Round(time.Millisecond))
}

// appendTo appends until ctx ends. What became of an append is not asked: the log
// tells.
func appendTo(ctx context.Context, db *client.Client, r *rand.Rand, writer int) {
	for n := 0; ctx.Err() == nil; n++ {
		var writes []firn.Write
		for _, category := range []string{"a", "b"} {
			if r.IntN(3) == 0 {
				continue
			}
			var drafts []firn.Draft
			for range 1 + r.IntN(3) {
				drafts = append(drafts, firn.Draft{ID: firn.NewID(), Type: []string{"T", "U", "Rare"}[min(r.IntN(21)/10, 2)], Data: fmt.Appendf(nil, `{"n":%d}`, n)})
			}
			writes = append(writes, firn.To(fmt.Sprintf("%s-%d", category, r.IntN(8)), firn.Any, drafts...))
		}
		if len(writes) > 0 {
			db.Append(context.WithoutCancel(ctx), writes...)
		}
		wait(ctx, time.Duration(r.IntN(60))*time.Millisecond) // about what consumers keep up with that are being hurt
	}
}

// followers are the subscribers of a cluster.
type followers struct {
	all     []*subscriber
	running sync.WaitGroup
}

func startFollowers(ctx context.Context, seed uint64, db *client.Client) *followers {
	f := &followers{}
	for i, q := range []firn.Query{
		{All: true}, {All: true, System: true}, {Category: "a"}, {Stream: "b-1"}, {All: true, Types: []string{"Rare"}},
		{Category: "b", TypePrefixes: []string{"U"}}, {All: true, Consistency: firn.Consistency{Local: true}},
	} {
		s := &subscriber{Listening: check.Listening{Heard: check.Heard{Query: q, Start: 1}}, rand: dice(seed, uint64(20+i)), leave: 300}
		if i%3 == 2 {
			s.pause = 100 * time.Millisecond // slow
		}
		f.all = append(f.all, s)
		f.running.Go(func() { s.run(ctx, db) })
	}
	return f
}

// check waits until all have been told of everything, and holds it against the log.
func (f *followers) check(ctx context.Context, t *testing.T, log *check.Log) {
	t.Helper()
	for _, s := range f.all {
		s.EndAt(firn.Position(len(log.Events)))
	}
	done := make(chan struct{})
	go func() {
		f.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		<-done
		t.Error("subscribers were not told of everything in time")
	}
	for _, s := range f.all {
		if s.fatal != nil {
			t.Errorf("%s ended: %v", &s.Heard, s.fatal)
		}
		for i := range s.Heard.Connections { // what a local one has seen when it is opened may be older
			if s.Heard.Query.Consistency.Local {
				s.Heard.Connections[i].Head = 0
			}
		}
		if err := s.Heard.Check(log); err != nil {
			t.Error(err)
		}
	}
}

// followed is a group with its consumers.
type followed struct {
	history *check.Group
	crowd   *crowd
}

// startGroups creates groups and lets consumers go to work, each on a client of
// its own.
func startGroups(ctx context.Context, t *testing.T, seed uint64, dial func() *client.Client) (all []followed) {
	t.Helper()
	db := dial()
	short := firn.Group{MaxAttempts: 4, Lease: time.Second, RetryMin: 10 * time.Millisecond, RetryMax: 200 * time.Millisecond}
	ordered, continues, unordered := short, short, short
	ordered.Name, ordered.Category = "ordered", "a"
	continues.Name, continues.All, continues.Types, continues.OnPark = "continues", true, []string{"T", "Rare"}, firn.ParkContinues
	unordered.Name, unordered.Category, unordered.Unordered = "unordered", "b", true
	for i, g := range []firn.Group{ordered, continues, unordered} {
		if _, err := db.CreateGroup(ctx, g); err != nil {
			t.Fatal(err)
		}
		info, err := db.GroupInfo(ctx, g.Name)
		if err != nil {
			t.Fatal(err)
		}
		h := check.NewGroup(info.Group, 0)
		stores := []firn.Groups{h.Watch(dial()), h.Watch(dial())}
		c := &crowd{groups: func(consumer int) firn.Groups { return stores[consumer%2] }, group: info.Group, seed: seed + uint64(i)}
		c.start(ctx, 4)
		all = append(all, followed{h, c})
	}
	return all
}

// faults are what happens to a cluster.
type faults struct {
	t       *testing.T
	cluster *servertest.Cluster
	links   *servertest.Links
	rand    *rand.Rand
	db      *client.Client
	stopped int // -1: none
	count   [7]int
}

// next lets one thing happen, and what it hurts be for a while.
func (f *faults) next() {
	victim := f.rand.IntN(3)
	if leader := leaderOf(f.t, f.db); leader >= 0 && f.rand.IntN(3) > 0 {
		victim = leader
	}
	kind := f.rand.IntN(len(f.count))
	f.count[kind]++
	switch kind {
	case 0:
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		f.db.Transfer(ctx, "")
		cancel()
	case 1:
		f.cluster.Stop(victim)
		f.stopped = victim
	case 2:
		f.links.Part(victim)
	case 3:
		f.links.Cut(victim, (victim+1+f.rand.IntN(2))%3)
	case 4:
		f.links.Hide(victim)
	case 5:
		f.links.Break(victim)
	}
	wait(f.t.Context(), time.Duration(100+f.rand.IntN(1400))*time.Millisecond)
	f.mend()
	wait(f.t.Context(), time.Duration(f.rand.IntN(500))*time.Millisecond)
}

// leaderOf returns which of three nodes leads, -1 where that is not known.
func leaderOf(t *testing.T, db *client.Client) int {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	status, err := db.Status(ctx, "")
	if err != nil {
		return -1
	}
	for i := range 3 {
		if status.Leader == fmt.Sprint("n", i+1) {
			return i
		}
	}
	return -1
}

// mend takes back what has happened.
func (f *faults) mend() {
	f.links.Heal()
	if f.stopped >= 0 {
		f.cluster.Run(f.stopped)
		f.stopped = -1
	}
}

func (f *faults) String() string {
	return fmt.Sprintf("%d transfers, %d stops, %d nodes and %d directions cut off, %d nodes hidden from clients, %d resets, %d quiet times",
		f.count[0], f.count[1], f.count[2], f.count[3], f.count[4], f.count[5], f.count[6])
}
