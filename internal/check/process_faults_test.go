package check_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest"
)

// TestProcessFaults lets three processes of "firn serve" be killed, paused, cut
// off and run out of disk, while clients append at expected revisions and read,
// subscribers follow, and three groups are consumed. In the end all that any of
// them was told is held against the log. It goes on until FIRN_FAULTS faults have
// struck, with a new cluster every 60.
func TestProcessFaults(t *testing.T) {
	t.Parallel()
	const perCluster = 60
	wanted := testenv.Count(t, "FIRN_FAULTS", 5)
	seed := testenv.Seed(t)
	for struck := 0; struck < wanted && !t.Failed(); seed++ {
		n := min(wanted-struck, perCluster)
		hurtProcesses(t, seed, n)
		struck += n
	}
}

// hurtProcesses is one cluster.
func hurtProcesses(t *testing.T, seed uint64, wanted int) {
	began := time.Now()
	f := &processFaults{t: t, rand: dice(seed, 1)}
	f.p, f.proxies = servertest.SpawnProxied(t, 3, func(p *servertest.Processes) {
		f.small = f.rand.IntN(3)
		var err error
		if f.disk, err = p.MountSmallDisk(f.small, 256<<20); err != nil {
			t.Logf("faults: no disk is full, since there can be none of its own: %v", err)
		}
	}, "--disk-reserve", fmt.Sprint(diskReserve))
	options := client.Options{Timeout: 3 * time.Second, DialTimeout: 500 * time.Millisecond, KeepAlive: 300 * time.Millisecond}
	dial := func() *client.Client { return f.proxies.Dial(options) }
	f.db = dial()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(wanted)*20*time.Second+8*time.Minute)
	defer cancel()

	followers := startFollowers(ctx, seed, dial())
	groups := startGroups(ctx, t, seed, dial)
	var history check.History
	appending, enough := context.WithCancel(ctx)
	defer enough()
	var load sync.WaitGroup
	patient := f.proxies.Dial(client.Options{})
	users := make([]*user, 6)
	for i := range users {
		u := &user{t: t, number: i, db: patient, random: dice(seed, uint64(10+i)), history: &history, last: map[string]firn.Expectation{}}
		if i%2 == 0 {
			u.db = dial()
		}
		users[i] = u
		load.Go(func() { u.run(appending) })
	}
	for f.struck() < wanted && !t.Failed() {
		f.next()
	}
	enough()
	load.Wait()
	after := time.Now()

	db := f.p.Dial() // past the proxies
	log := check.Log{Events: servertest.Agree(t, db, f.p.Nodes()...)}
	if err := history.Check(log.Events); err != nil {
		t.Errorf("what the clients were told:\n%v", err)
	}
	followers.check(ctx, t, &log)
	for _, g := range groups {
		if err := settleAll(t, g.history.Watch(db), g.history, g.crowd, g.crowd.group.Name, db); err != nil {
			t.Errorf("the group %s:\n%v", g.crowd.group.Name, err)
		}
	}
	var repeats int64
	for _, u := range users {
		repeats += u.repeats.Load()
	}
	t.Logf("faults: seed %d: %d faults have struck in %v: %s", seed, f.struck(), after.Sub(began).Round(time.Second), f)
	t.Logf("faults: seed %d: %d events; %d calls: %d appends done, %d not done, %d unknown, %d repetitions of unknown ones; checked within %v", seed, len(log.Events), history.Len(),
		history.Ledger.Count(check.Done), history.Ledger.Count(check.NotDone), history.Ledger.Count(check.Unknown), repeats, time.Since(after).Round(time.Second))
}

// What a small disk keeps in reserve, and what is left on one that is nearly
// full.
const (
	diskReserve = 16 << 20
	nearlyFull  = diskReserve / 2
)

// The faults of processes.
const (
	killed = iota
	allKilled
	paused
	parted
	oneWay
	hidden
	reset
	transferred
	nearFull
	full
	faultKinds
)

var faultNames = [faultKinds]string{
	"a node killed", "all nodes killed", "a node paused", "a node cut off from the others", "one direction cut", "a node hidden from clients",
	"connections reset", "leadership transferred", "a disk below its reserve", "a disk full",
}

// processFaults are what happens to a cluster of processes. One goroutine uses
// them.
type processFaults struct {
	t       *testing.T
	p       *servertest.Processes
	proxies *servertest.Proxies
	rand    *rand.Rand
	db      *client.Client
	small   int                   // the node with a disk of its own
	disk    *servertest.SmallDisk // nil: there is none
	filled  int                   // how much its node had said when it was filled last

	tried, hit [faultKinds]int
}

func (f *processFaults) struck() (n int) {
	for _, k := range f.hit {
		n += k
	}
	return n
}

func (f *processFaults) String() string {
	var list []string
	for kind, name := range faultNames {
		list = append(list, fmt.Sprintf("%s %d (of %d)", name, f.hit[kind], f.tried[kind]))
	}
	return strings.Join(list, ", ")
}

// next lets one thing happen, what it hurts be for a while, and mends it.
func (f *processFaults) next() {
	kind := f.rand.IntN(faultKinds)
	if f.disk == nil && kind >= nearFull || kind == allKilled && f.rand.IntN(2) == 0 {
		kind = f.rand.IntN(nearFull)
	}
	victim := f.rand.IntN(3)
	if leader := leaderOf(f.t, f.db); leader >= 0 && f.rand.IntN(3) > 0 {
		victim = leader
	}
	f.tried[kind]++
	if f.strike(kind, victim) {
		f.hit[kind]++
	}
	for i := range 3 {
		select {
		case <-f.p.Exited(i):
			status, log := f.p.Outcome(i)
			if f.disk != nil && i == f.small && strings.Contains(log[f.filled:], "no space left") {
				f.p.Run(i) // it has taken its time to end
				f.filled = len(log)
				continue
			}
			f.t.Fatalf("node n%d has ended by itself, with status %d, after %s:\n%s", i+1, status, faultNames[kind], log[max(0, len(log)-4000):])
		default:
		}
	}
	wait(f.t.Context(), time.Duration(f.rand.IntN(600))*time.Millisecond)
}

// strike lets a fault happen and mends it. It reports whether the fault has done
// anything.
func (f *processFaults) strike(kind, victim int) (struck bool) {
	a := func(most int) { wait(f.t.Context(), time.Duration(100+f.rand.IntN(most))*time.Millisecond) }
	held := f.proxies.Held()
	switch kind {
	case killed:
		f.p.Kill(victim)
		a(1000)
		f.p.Run(victim)
		return true
	case allKilled:
		f.p.KillAll()
		for i := range 3 {
			f.p.Run(i)
		}
		a(1000)
		return true
	case paused:
		f.p.Signal(victim, syscall.SIGSTOP)
		a(2500)
		f.p.Signal(victim, syscall.SIGCONT)
		return true
	case parted:
		f.proxies.Part(victim)
	case oneWay:
		f.proxies.Cut(victim, (victim+1+f.rand.IntN(2))%3)
	case hidden:
		f.proxies.Hide(victim)
	case reset:
		return f.proxies.Break(victim) > 0
	case transferred:
		ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Second)
		defer cancel()
		return f.db.Transfer(ctx, "") == nil
	case nearFull, full:
		return f.fill(kind)
	}
	a(1800)
	f.proxies.Heal()
	return f.proxies.Held() > held
}

// fill takes the room on the small disk away for a while. Its node says so, or
// ends.
func (f *processFaults) fill(kind int) (struck bool) {
	f.p.AwaitServing(f.small)
	before := len(f.p.Log(f.small))
	f.filled = before
	leave := int64(nearlyFull)
	if kind == full {
		leave = 0
	}
	f.disk.Fill(leave)
	for end := time.Now().Add(4 * time.Second); !struck && time.Now().Before(end); {
		select {
		case <-f.p.Exited(f.small):
			struck = true
		case <-time.After(20 * time.Millisecond):
			struck = strings.Contains(f.p.Log(f.small)[before:], "too_little=true")
		}
	}
	wait(f.t.Context(), time.Duration(f.rand.IntN(1500))*time.Millisecond)
	f.disk.Free()
	wait(f.t.Context(), 100*time.Millisecond) // one that has met the full disk may be about to end
	if text := f.p.Log(f.small)[before:]; strings.Contains(text, "cannot go on") {
		<-f.p.Exited(f.small)
	}
	select {
	case <-f.p.Exited(f.small):
		f.p.Run(f.small)
	default:
	}
	return struck
}

// user is a client that appends at the revisions that it expects, and reads. All
// of them work on the same streams, which the followers and the groups follow.
// Its goroutine alone uses it.
type user struct {
	t       *testing.T
	number  int
	db      *client.Client
	random  *rand.Rand
	history *check.History
	repeats atomic.Int64

	last  map[string]firn.Expectation // what it believes of the streams
	seen  firn.Position               // the newest position that it was told
	calls int
}

func (u *user) run(ctx context.Context) {
	for ctx.Err() == nil {
		u.calls++
		switch n := u.random.IntN(10); {
		case n < 6:
			u.append()
		case n < 9:
			u.read(ctx)
		default:
			u.head(ctx)
		}
		wait(ctx, time.Duration(u.random.IntN(150))*time.Millisecond) // consumers that are being hurt have to keep up
	}
}

func (u *user) stream(category string) string {
	return fmt.Sprintf("%s-%d", category, u.random.IntN(6))
}

// append appends to one stream or atomically to two, and repeats what may have
// been done until it is known.
func (u *user) append() {
	writes := []firn.Write{u.write(u.stream("a"))}
	switch u.random.IntN(3) {
	case 0:
		writes = append(writes, u.write(u.stream("b")))
	case 1:
		writes = []firn.Write{u.write(u.stream("b"))}
	}
	op := u.history.Append(u.number, writes)
	told, err := u.db.Append(context.Background(), writes...)
	for end := time.Now().Add(time.Minute); check.OutcomeOf(err) == check.Unknown && time.Now().Before(end); {
		u.repeats.Add(1)
		again, retry := u.db.Append(context.Background(), writes...)
		if check.Settles(retry) || check.OutcomeOf(retry) == check.Unknown {
			told, err = again, retry
		}
	}
	if op.Appended(told, err) == check.Done {
		for _, w := range told.Writes {
			u.last[w.Stream] = firn.At(w.LastRevision)
		}
		u.seen = max(u.seen, told.Position)
	}
	if conflict, ok := errors.AsType[*firn.ConflictError](err); ok {
		u.last[conflict.Stream] = conflict.Actual
	} else if err != nil && !passing(err) && check.OutcomeOf(err) != check.Unknown {
		u.t.Errorf("an append of client %d: %v", u.number, err)
	}
}

func (u *user) write(stream string) firn.Write {
	expect, known := u.last[stream]
	if !known || u.random.IntN(3) == 0 {
		expect = firn.Any
	}
	drafts := make([]firn.Draft, 1+u.random.IntN(3))
	for i := range drafts {
		drafts[i] = firn.Draft{ID: firn.NewID(), Type: []string{"T", "U", "Rare"}[min(u.random.IntN(21)/10, 2)], Data: fmt.Appendf(nil, `{"of":%d,"n":%d}`, u.number, u.calls)}
	}
	return firn.To(stream, expect, drafts...)
}

func (u *user) consistency() firn.Consistency {
	switch u.random.IntN(5) {
	case 0:
		return firn.Consistency{Local: true}
	case 1:
		return firn.Consistency{AtLeast: u.seen}
	}
	return firn.Consistency{}
}

func (u *user) read(ctx context.Context) {
	q := firn.Query{Stream: u.stream("a"), Consistency: u.consistency()}
	if last, exact := u.last[q.Stream].Exact(); exact {
		q.From = firn.RevisionPoint(last - min(last, firn.Revision(u.random.IntN(20))))
	}
	op := u.history.Read(u.number, q)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var events []firn.Event
	var failed error
	for e, err := range u.db.Read(ctx, q) {
		if failed = err; err == nil {
			events = append(events, e)
		}
	}
	op.Showed(events, failed)
}

func (u *user) head(ctx context.Context) {
	consistency := u.consistency()
	op := u.history.Head(u.number, consistency)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	at, _, err := u.db.Head(ctx, consistency)
	op.Headed(at, err)
	if err == nil {
		u.seen = max(u.seen, at)
	}
}
