package check_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/check"
)

// plantedGroup is a bug around the shipped coordinator.
type plantedGroup struct {
	name   string
	record string   // where it has happened to another system
	caught []string // by which of these checks
	plant  func(*world)
}

// spoiled plants a bug in what a coordinator says to the log.
func spoiled(spoil func(w *world, s *command.Settle)) func(*world) {
	return func(w *world) {
		w.spoil = func(w *world, s *command.Settle) bool { spoil(w, s); return false }
	}
}

// without leaves asides out of each step.
func without(is func(a *command.Aside) bool) func(*world) {
	return spoiled(func(_ *world, s *command.Settle) {
		s.Added = slices.DeleteFunc(s.Added, func(a command.Aside) bool { return is(&a) })
	})
}

// eachDue changes what is to be delivered again.
func eachDue(change func(a *command.Aside)) func(*world) {
	return spoiled(func(_ *world, s *command.Settle) {
		for i := range s.Added {
			if s.Added[i].State == command.AsideDue {
				change(&s.Added[i])
			}
		}
	})
}

var plantedGroups = []plantedGroup{
	{
		name:   "the checkpoint passes events that wait for a retry",
		record: "https://github.com/kurrent-io/KurrentDB/issues/1301",
		caught: []string{check.Lost, check.Order},
		plant:  without(func(a *command.Aside) bool { return a.State == command.AsideDue && a.Attempts > 0 && a.Position%3 == 0 }),
	},
	{
		name:   "replaying parked events moves the checkpoint past others",
		record: "https://github.com/kurrent-io/KurrentDB/issues/500",
		caught: []string{check.Lost, check.Order},
		plant: spoiled(func(w *world, s *command.Settle) {
			if slices.ContainsFunc(s.Removed, func(a command.Aside) bool { return a.State == command.AsideParked }) {
				s.Through, _ = w.store.Engine().Head()
				s.Open = nil
			}
		}),
	},
	{
		name:   "the checkpoint passes events that are left for a consumer who is busy",
		record: "https://github.com/kurrent-io/KurrentDB/pull/5497",
		caught: []string{check.Lost, check.Order},
		plant:  spoiled(func(w *world, s *command.Settle) { s.Through, _ = w.store.Engine().Head() }),
	},
	{
		name:   "an acknowledgement is answered before it is kept",
		record: "https://github.com/nats-io/nats-server/pull/5419 and /5482 (acked messages are redelivered during rollouts)",
		caught: []string{check.Again},
		plant: func(w *world) {
			w.spoil = func(w *world, s *command.Settle) bool {
				return len(s.Added) == 0 && len(s.Removed) == 0 && w.rand.IntN(4) == 0 // answered, and not kept
			}
		},
	},
	{
		name:   "an event counts as handled when it is handed out",
		record: "https://github.com/confluentinc/librdkafka/issues/1122 and https://github.com/twmb/franz-go/issues/57 (auto-commit before processing)",
		caught: []string{check.Lost, check.Order},
		plant:  spoiled(func(_ *world, s *command.Settle) { s.Open = nil }),
	},
	{
		name:   "to acknowledge one event acknowledges those before it",
		record: "https://github.com/bsm/sarama-cluster/issues/148",
		caught: []string{check.Lost, check.Order},
		plant: spoiled(func(w *world, s *command.Settle) {
			before := w.open
			w.open = slices.Clone(s.Open)
			for _, p := range before {
				if !slices.Contains(s.Open, p) {
					s.Open = slices.DeleteFunc(s.Open, func(open firn.Position) bool { return open < p })
				}
			}
		}),
	},
	{
		name:   "redelivery breaks the order of a key",
		record: "https://github.com/apache/pulsar/issues/7455 and pull/10762 (Key_Shared)",
		caught: []string{check.Order},
		plant:  eachDue(func(a *command.Aside) { a.Holds = false }),
	},
	{
		name:   "an event is gone after its last attempt",
		record: "https://github.com/nats-io/nats-server/issues/6538",
		caught: []string{check.Lost, check.Parked},
		plant:  without(func(a *command.Aside) bool { return a.State == command.AsideParked }),
	},
	{
		name:   "an event that has failed for the last time is delivered again after a restart",
		record: "https://github.com/nats-io/nats-server/pull/3365",
		caught: []string{check.Again, check.Attempts},
		plant: spoiled(func(_ *world, s *command.Settle) {
			for i := range s.Added {
				if a := &s.Added[i]; a.State == command.AsideParked {
					a.State, a.Parked = command.AsideDue, 0
				}
			}
		}),
	},
	{
		name:   "a restart forgets how often an event has failed",
		record: "https://github.com/cloudamqp/lavinmq/issues/1911",
		caught: []string{check.Attempts},
		plant:  eachDue(func(a *command.Aside) { a.Attempts = 0 }),
	},
	{
		name:   "whoever was too late acknowledges what another consumer has by now",
		record: "https://github.com/Azure/azure-storage-net/issues/285 (a message is deleted with an expired receipt)",
		caught: []string{check.Stale},
		plant: func(w *world) {
			w.slow = 6
			w.misread = func(w *world, u *worldConsumer, answers []firn.Settlement) (*worldConsumer, []firn.Settlement) {
				if len(answers) > 1 {
					return u, answers
				}
				h, later := w.lastOf(answers[0].Token)
				if !later {
					return u, answers
				}
				answer := answers[0]
				answer.Token = h.token
				return h.consumer, []firn.Settlement{answer}
			}
		},
	},
	{
		name:   "a wait is over before the group has come there",
		caught: []string{check.Wait},
		plant:  func(w *world) { w.trusted = true },
	},
	{
		name:   "a stream goes on one event too far behind a retry",
		caught: []string{check.Lost, check.Order},
		plant: eachDue(func(a *command.Aside) {
			if a.Holds {
				a.Revision++
			}
		}),
	},
}

// plantedIn is the group in which bugs are planted: few attempts and short times,
// so that all of them end.
var plantedIn = firn.Group{
	Name: "g", Category: "s", MaxAttempts: 3, Lease: 2 * time.Second, RetryMin: 50 * time.Millisecond, RetryMax: 400 * time.Millisecond,
}

func TestPlantedGroups(t *testing.T) {
	for _, bug := range plantedGroups {
		t.Run(bug.name, func(t *testing.T) {
			for seed := range uint64(60) { // most are caught by the first
				var found error
				synctest.Test(t, func(t *testing.T) { found = consumeOnce(t, seed, plantedIn, bug.plant) })
				if found != nil {
					caughtBy(t, found, bug.caught, bug.record)
					return
				}
			}
			t.Error("nothing was found")
		})
	}
}

// TestRandomGroups runs the same without a bug, in all kinds of groups.
func TestRandomGroups(t *testing.T) {
	seed := seedOf(t)
	unordered, continues := plantedIn, plantedIn
	unordered.Unordered, continues.OnPark = true, firn.ParkContinues
	for name, g := range map[string]firn.Group{"ordered": plantedIn, "unordered": unordered, "on park continue": continues} {
		t.Run(name, func(t *testing.T) {
			for i := range uint64(3) {
				synctest.Test(t, func(t *testing.T) {
					if err := consumeOnce(t, seed+i, g, func(*world) {}); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// consumeOnce appends while a crowd consumes and leaders come and go, and checks
// what has come of it.
func consumeOnce(t *testing.T, seed uint64, g firn.Group, plant func(*world)) error {
	w, r := newWorld(t, seed, g), dice(seed, 0)
	plant(w)
	history := check.NewGroup(w.group, 0)
	watched := history.Watch(w)
	c := &crowd{groups: func(int) firn.Groups { return watched }, group: w.group, seed: seed, slow: w.slow}
	c.start(t.Context(), 4)
	for range 150 {
		var drafts []firn.Draft
		for range 1 + r.IntN(4) {
			drafts = append(drafts, firn.Draft{Type: "T"})
		}
		at, err := w.store.Append(t.Context(), firn.To(fmt.Sprint("s-", r.IntN(6)), firn.Any, drafts...))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
		switch r.IntN(30) {
		case 0:
			w.change(r.IntN(2) == 0)
		case 1:
			watched.Replay(t.Context(), g.Name, firn.ParkedSelection{All: true})
		case 2:
			watched.Drop(t.Context(), g.Name, firn.ParkedSelection{Stream: fmt.Sprint("s-", r.IntN(6))})
		case 3:
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			watched.WaitGroup(ctx, g.Name, at.Position)
			cancel()
		}
	}
	w.change(false)
	w.trusted = false
	return settleAll(t, watched, history, c, g.Name, w.store)
}

// settleAll has a group do all that is left, and checks its history.
func settleAll(t *testing.T, watched firn.Groups, history *check.Group, c *crowd, name string, store firn.Store) error {
	t.Helper()
	head, _, err := store.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c.calm.Store(true)
	_, stuck := watched.WaitGroup(ctx, name, head)
	c.stop()
	var log []firn.Event
	for e, err := range store.Read(t.Context(), firn.Query{All: true, System: true}) {
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, e)
	}
	var parked []firn.ParkedEvent
	for p, err := range watched.Parked(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		parked = append(parked, p)
	}
	if err := history.Check(log, parked); err != nil {
		return err
	}
	if stuck != nil {
		return &check.Fault{Check: check.Lost, Text: fmt.Sprintf("the group does not come to %d: %v", head, stuck)}
	}
	return nil
}
