package server_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// failoverMax is when a failover counts as not having happened. How long it
// should take is printed, not asserted: it is the machine's as much as Firn's.
const failoverMax = 2 * time.Minute

// TestFailover measures how long a client waits when its leader is killed,
// paused, or hangs: from the fault until the first append that was begun after it
// is acknowledged, by a client with the default options that has used the leader
// up to then. The nodes are processes. FIRN_FAILOVER says how often each happens.
func TestFailover(t *testing.T) {
	t.Parallel()
	samples := testenv.Count(t, "FIRN_FAILOVER", 1)
	for _, f := range []failover{
		{"the leader is killed", "p50 < 1 s, p99 < 2 s", func(p *servertest.Processes, i int) { p.Kill(i) }, nil},
		{"the leader is paused", "p50 < 1 s, p99 < 2 s", signalled(syscall.SIGSTOP), signalled(syscall.SIGCONT)},
		{"the leader's disk hangs", "< 6 s", signalled(hangDisk), nil},
		{"the leader's apply hangs", "< 6 s", signalled(hangApply), nil},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			took := f.measure(t, samples)
			slices.Sort(took)
			at := func(part float64) time.Duration {
				return took[int(math.Ceil(part*float64(len(took))))-1].Round(time.Millisecond)
			}
			t.Logf("failover: %s: n %d, p50 %v, p99 %v, max %v; wanted %s", f.name, len(took), at(0.5), at(0.99), at(1), f.wanted)
		})
	}
}

// failover is one way for a leader to fail.
type failover struct {
	name, wanted string
	strike       func(p *servertest.Processes, leader int)
	mend         func(p *servertest.Processes, leader int) // nil: its process ends, and is started again
}

func signalled(s syscall.Signal) func(*servertest.Processes, int) {
	return func(p *servertest.Processes, i int) { p.Signal(i, s) }
}

// measure lets the leader fail so many times, and returns how long each took.
func (f *failover) measure(t *testing.T, samples int) (took []time.Duration) {
	r := rand.New(rand.NewPCG(testenv.Seed(t), 0))
	p := servertest.SpawnWith(t, 3, func(*server.Config) {})
	watch := p.Dial() // asks who leads, so that the measured client's connections stay its own
	a := startAppender(t, p.Dial())
	for n := range samples {
		leader := awaitWhole(t, p, watch)
		a.after(t, time.Now()) // it knows the leader
		time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
		before := len(p.Log(leader))
		struck := time.Now()
		f.strike(p, leader)
		took = append(took, a.after(t, struck).Sub(struck))
		if f.mend != nil {
			f.mend(p, leader)
			continue
		}
		if n > 0 { // it has shown that it ends by itself
			p.Kill(leader)
		}
		select {
		case <-p.Exited(leader):
		case <-time.After(time.Minute):
			t.Fatalf("node %d is still there a minute after %s", leader, f.name)
		}
		if text := p.Log(leader)[before:]; strings.Contains(f.name, "hangs") && !strings.Contains(text, hangStruck) {
			t.Errorf("nothing has hung:\n%s", text)
		}
		p.Run(leader)
	}
	a.stop()
	awaitWhole(t, p, watch)
	if err := a.ledger.Check(servertest.Agree(t, watch, p.Nodes()...)); err != nil {
		t.Error(err)
	}
	return took
}

// awaitWhole waits until every node is up and has everything, and returns which
// one leads.
func awaitWhole(t *testing.T, p *servertest.Processes, db *client.Client) (leader int) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		leads, whole := p.Leader(t.Context(), db), true
		status, err := db.Status(t.Context(), p.Address(leads))
		for _, n := range status.Nodes {
			whole = whole && n.Up && n.Lag < 10
		}
		if whole && err == nil && status.Leader == fmt.Sprintf("n%d", leads+1) {
			return leads
		}
		if time.Since(start) > 2*time.Minute {
			t.Fatalf("the cluster is not whole after %v: %+v, %v", time.Since(start), status, err)
		}
	}
}

// appender is a client that appends without a pause, one event after the other
// on each of its streams.
type appender struct {
	ledger  check.Ledger
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	acks []ack // since they were last looked at
}

// ack is one acknowledged append.
type ack struct{ begun, came time.Time }

func startAppender(t *testing.T, db *client.Client) *appender {
	ctx, cancel := context.WithCancel(context.Background())
	a := &appender{cancel: cancel}
	t.Cleanup(cancel)
	for i := range 4 {
		a.running.Go(func() { a.run(ctx, t, db, fmt.Sprintf("failover-%d", i)) })
	}
	return a
}

func (a *appender) run(ctx context.Context, t *testing.T, db *client.Client, stream string) {
	expect := firn.None
	for ctx.Err() == nil {
		write := firn.To(stream, expect, firn.Draft{ID: firn.NewID(), Type: "Appended", Data: []byte(`{}`)})
		begun := time.Now()
		told, err := db.Append(context.WithoutCancel(ctx), write)
		for check.OutcomeOf(err) == check.Unknown || errors.Is(err, firn.ErrUnavailable) {
			if time.Since(begun) > failoverMax {
				break
			}
			told, err = db.Append(context.WithoutCancel(ctx), write)
		}
		if a.ledger.Add([]firn.Write{write}, told, err); err != nil {
			t.Errorf("an append to %s ended with: %v", stream, err)
			return
		}
		expect = firn.At(told.Writes[0].LastRevision)
		a.mu.Lock()
		a.acks = append(a.acks, ack{begun, time.Now()})
		a.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

// after returns when the first append was acknowledged that was begun after the
// moment.
func (a *appender) after(t *testing.T, moment time.Time) time.Time {
	t.Helper()
	for {
		a.mu.Lock()
		for _, k := range a.acks {
			if k.begun.After(moment) {
				a.acks = a.acks[:0]
				a.mu.Unlock()
				return k.came
			}
		}
		a.acks = a.acks[:0]
		a.mu.Unlock()
		if time.Since(moment) > failoverMax {
			t.Fatalf("no append was acknowledged within %v", failoverMax)
		}
		time.Sleep(time.Millisecond)
	}
}

// stop ends the appender, once its last appends have ended.
func (a *appender) stop() {
	a.cancel()
	a.running.Wait()
}
