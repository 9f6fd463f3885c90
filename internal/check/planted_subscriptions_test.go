package check_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/internal/check"
)

// plantedSubscription is a bug around a store's Subscribe.
type plantedSubscription struct {
	name   string
	record string   // where it has happened to another system
	caught []string // by which of these checks
	plant  func(*faultyStore)
}

var plantedSubscriptions = []plantedSubscription{
	{
		name:   "a filtered subscription's checkpoint lies at the next event, which was not sent",
		record: "https://github.com/kurrent-io/KurrentDB/issues/4970 (a checkpoint from an empty page is ahead of the last event)",
		caught: []string{check.Gap},
		plant: each(func(f *faultyStore, m firn.Message) []firn.Message {
			if m.Mark == nil && m.Event.AppendEnd() && m.Event.Position%5 == 0 {
				return []firn.Message{{Mark: &firn.Mark{Kind: firn.Checkpoint, At: m.Event.Position, History: f.history}}, m}
			}
			return []firn.Message{m}
		}),
	},
	{
		name:   "the high-water mark passes over an event that is committed and not yet visible",
		record: "https://github.com/JasperFx/marten/issues/1629 and /4964 (a gap in the sequence numbers is skipped)",
		caught: []string{check.Gap},
		plant: each(func(f *faultyStore, m firn.Message) []firn.Message {
			if m.Mark == nil && m.Event.Position%11 == 0 {
				return nil // it appears once a later one has been seen: too late
			}
			return []firn.Message{m}
		}),
	},
	{
		name:   "at the hand-over to live events, one with the id of a replayed event of another stream is taken for that one",
		record: "https://github.com/johanhaleby/occurrent/pull/1059",
		caught: []string{check.Gap},
		plant: func(f *faultyStore) {
			seen := map[firn.ID]bool{}
			each(func(f *faultyStore, m firn.Message) []firn.Message {
				if m.Mark == nil {
					if seen[m.Event.ID] {
						return nil
					}
					seen[m.Event.ID] = true
				}
				return []firn.Message{m}
			})(f)
		},
	},
	{
		name:   "a timer ends catching up before the head is reached",
		record: "https://github.com/commanded/eventstore/pull/327 (the checkpoint timer makes it live: 40 million events are skipped)",
		caught: []string{check.Gap},
		plant: func(f *faultyStore) {
			f.subscribe = func(ctx context.Context, q firn.Query, yield func(firn.Message, error) bool) {
				n := 0
				for m, err := range f.Store.Subscribe(ctx, q) {
					if n++; n == 9 {
						q.From, q.History = firn.EndPoint(), firn.ID{}
						break
					}
					if !yield(m, err) {
						return
					}
				}
				f.Store.Subscribe(ctx, q)(yield)
			}
		},
	},
	{
		name:   "after a reconnection the last two events come again",
		record: "https://github.com/YoEight/eventstore/issues/62",
		caught: []string{check.Once, check.Order},
		plant: func(f *faultyStore) {
			f.subscribe = func(ctx context.Context, q firn.Query, yield func(firn.Message, error) bool) {
				if q.From.Kind() == firn.PointPosition { // it goes on
					q.From = firn.PositionPoint(q.From.Position() - min(q.From.Position()-1, 2))
				}
				f.Store.Subscribe(ctx, q)(yield)
			}
		},
	},
	{
		name:   "a consumer may leave off in the middle of what was committed at once",
		record: "https://github.com/amelielabs/amelie/issues/23 (the other operations of one LSN are gone after recovery)",
		caught: []string{check.Torn},
		plant: each(func(f *faultyStore, m firn.Message) []firn.Message {
			if m.Mark == nil && !m.Event.AppendEnd() {
				return []firn.Message{m, {Mark: &firn.Mark{Kind: firn.Checkpoint, At: m.Event.Position, History: f.history}}}
			}
			return []firn.Message{m}
		}),
	},
	{
		name:   "who began at the end begins at the new end after a leader's change",
		record: "https://github.com/nats-io/nats-server/pull/3143 (a consumer with deliver new may miss messages)",
		caught: []string{check.Gap},
		plant: func(f *faultyStore) {
			f.subscribe = func(ctx context.Context, q firn.Query, yield func(firn.Message, error) bool) {
				if f.fromEnd = f.fromEnd || q.From.Kind() == firn.PointEnd; f.fromEnd {
					q.From, q.History = firn.EndPoint(), firn.ID{}
				}
				f.Store.Subscribe(ctx, q)(yield)
			}
		},
	},
	{
		name:   "a replica that lags says that it has caught up",
		caught: []string{check.CaughtUp},
		plant: func(f *faultyStore) {
			f.subscribe = func(ctx context.Context, q firn.Query, yield func(firn.Message, error) bool) {
				head, _, _ := f.Store.Head(ctx, firn.Consistency{})
				said := false
				for m, err := range f.Store.Subscribe(ctx, q) {
					if !said && m.Mark == nil && m.Event.AppendEnd() && m.Event.Position < head {
						said = true
						if !yield(m, err) || !yield(firn.Message{Mark: &firn.Mark{Kind: firn.CaughtUp, At: m.Event.Position, History: f.history}}, nil) {
							return
						}
						continue
					}
					if !yield(m, err) {
						return
					}
				}
			}
		},
	},
}

// faultyStore is a store with a bug in its Subscribe.
type faultyStore struct {
	firn.Store
	subscribe func(context.Context, firn.Query, func(firn.Message, error) bool)
	history   firn.ID
	fromEnd   bool
}

func (f *faultyStore) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	if f.subscribe == nil {
		return f.Store.Subscribe(ctx, q)
	}
	return func(yield func(firn.Message, error) bool) { f.subscribe(ctx, q, yield) }
}

// each changes each message.
func each(change func(*faultyStore, firn.Message) []firn.Message) func(*faultyStore) {
	return func(f *faultyStore) {
		f.subscribe = func(ctx context.Context, q firn.Query, yield func(firn.Message, error) bool) {
			for m, err := range f.Store.Subscribe(ctx, q) {
				if err != nil {
					yield(m, err)
					return
				}
				if m.Mark != nil {
					f.history = m.Mark.History
				}
				for _, m := range change(f, m) {
					if !yield(m, nil) {
						return
					}
				}
			}
		}
	}
}

func TestPlantedSubscriptions(t *testing.T) {
	for _, bug := range plantedSubscriptions {
		t.Run(bug.name, func(t *testing.T) {
			for seed := range uint64(8) {
				var found error
				synctest.Test(t, func(t *testing.T) { found = subscribeOnce(t, seed, bug.plant) })
				if found == nil {
					continue
				}
				caughtBy(t, found, bug.caught, bug.record)
				return
			}
			t.Error("nothing was found")
		})
	}
	t.Run("without one nothing is found", func(t *testing.T) {
		for seed := range uint64(8) {
			synctest.Test(t, func(t *testing.T) {
				if err := subscribeOnce(t, seed, func(*faultyStore) {}); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			})
		}
	})
}

// caughtBy says by which check a planted bug was caught, and fails the test where
// that is not one that speaks of such a bug.
func caughtBy(t *testing.T, found error, want []string, record string) {
	t.Helper()
	broken := check.Broken(found)
	if !slices.ContainsFunc(broken, func(b string) bool { return slices.Contains(want, b) }) {
		t.Errorf("it was caught by %v, not by %v: %v", broken, want, found)
		return
	}
	first, _, _ := strings.Cut(found.Error(), "\n")
	t.Logf("caught by %v: %s", slices.Compact(slices.Sorted(slices.Values(broken))), first)
	if record != "" {
		t.Logf("as in %s", record)
	}
}

// subscribeOnce appends beside three subscribers, who come and go, and checks
// what they have heard.
func subscribeOnce(t *testing.T, seed uint64, plant func(*faultyStore)) error {
	store := enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 32}})
	r := dice(seed, 0)
	ids := []firn.ID{firn.NewID()}
	append1 := func() {
		n := 1 + r.IntN(3)
		if r.IntN(6) == 0 { // an id that another stream has
			id := ids[r.IntN(len(ids))]
			store.Append(t.Context(), firn.To(fmt.Sprint("c-", id), firn.Any, firn.Draft{ID: id, Type: "T"}))
			return
		}
		var drafts []firn.Draft
		for range n {
			ids = append(ids, firn.NewID())
			drafts = append(drafts, firn.Draft{ID: ids[len(ids)-1], Type: []string{"T", "U"}[r.IntN(2)]})
		}
		if _, err := store.Append(t.Context(), firn.To(fmt.Sprintf("%c-%d", 'a'+rune(r.IntN(2)), r.IntN(3)), firn.Any, drafts...)); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		append1()
	}
	head, _, _ := store.Head(t.Context(), firn.Consistency{})
	all := []*subscriber{
		{heard: check.Heard{Query: firn.Query{All: true}, Start: 1}},
		{heard: check.Heard{Query: firn.Query{Category: "a", Types: []string{"T"}}, Start: 1}},
		{heard: check.Heard{Query: firn.Query{All: true, From: firn.EndPoint()}, Start: head + 1}},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	done := make(chan struct{}, len(all))
	for i, s := range all {
		s.rand, s.leave, s.pause = dice(seed, uint64(i+1)), 8, 20*time.Millisecond
		faulty := &faultyStore{Store: store}
		plant(faulty)
		go func() {
			s.run(ctx, faulty)
			done <- struct{}{}
		}()
	}
	synctest.Wait()
	for range 60 {
		append1()
		time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
	}
	head, _, _ = store.Head(t.Context(), firn.Consistency{})
	var log check.Log
	for e, err := range store.Read(t.Context(), firn.Query{All: true, System: true}) {
		if err != nil {
			t.Fatal(err)
		}
		log.Events = append(log.Events, e)
	}
	for _, s := range all {
		s.endAt(head)
	}
	go func() { // who waits for an event that has been lost hears nothing more
		wait(ctx, time.Minute)
		cancel()
	}()
	for range all {
		<-done
	}
	for _, s := range all {
		if s.fatal != nil {
			return s.fatal
		}
		if err := s.heard.Check(&log); err != nil {
			return err
		}
		if !s.over() {
			return &check.Fault{Check: check.Gap, Text: s.heard.String() + " hears nothing more"}
		}
	}
	return nil
}
