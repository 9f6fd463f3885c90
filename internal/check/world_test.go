package check_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/engine/group"
	"github.com/firndb/firn/engine/record"
)

// world is a store with one group, as little around the shipped coordinator as
// can be. Its leader can be deposed. It is a firn.Groups for that group.
type world struct {
	groupsOf
	store *enginetest.Store

	group   firn.Group
	created firn.Position

	mu    sync.Mutex
	c     *group.Coordinator
	epoch uint64
}

type groupsOf = firn.Groups

func newWorld(t *testing.T, seed uint64, g firn.Group) *world {
	w := &world{
		group: group.WithDefaults(g),
		store: enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 32}, Seed: seed}),
	}
	defined := w.store.Apply(&command.Define{ID: firn.NewID(), Class: command.ClassGroup, Name: []byte(g.Name), Expect: firn.None, Body: group.Encode(&w.group, 0)})[0]
	if defined.Err != nil {
		t.Fatal(defined.Err)
	}
	w.created = defined.Appended.Position
	w.lead()
	t.Cleanup(func() { w.coordinator().Stop(errDeposed) })
	return w
}

var errDeposed = firn.Errorf(firn.ErrNotLeader, "deposed")

func (w *world) lead() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.epoch++
	w.c = group.Start(group.Options{
		Engine: w.store.Engine(), Log: w, Group: w.group, Created: w.created, Epoch: w.epoch,
		Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

// change deposes the leader and makes another, on a machine that may have
// crashed meanwhile.
func (w *world) change(crash bool) {
	w.coordinator().Stop(errDeposed)
	if crash {
		w.store.Crash(50)
	}
	w.lead()
}

func (w *world) coordinator() *group.Coordinator {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.c
}

// Propose applies a step, after the time that a majority takes to sync it. Who is
// deposed meanwhile does not hear what became of it.
func (w *world) Propose(ctx context.Context, b []byte) (command.Result, error) {
	item, err := command.ParseItem(b)
	if err == nil {
		wait(ctx, 2*time.Millisecond)
		err = ctx.Err()
	}
	if err != nil {
		return command.Result{}, err
	}
	return w.store.Apply(item)[0], nil
}

func (w *world) Consume(_ context.Context, _ string, inFlight uint32) (firn.Consumer, error) {
	u, err := w.coordinator().Consume(inFlight)
	return worldConsumer{u}, err
}

func (w *world) Replay(ctx context.Context, _ string, which firn.ParkedSelection) (uint64, error) {
	return w.coordinator().Replay(ctx, which)
}

func (w *world) Drop(ctx context.Context, _ string, which firn.ParkedSelection) (uint64, error) {
	return w.coordinator().Drop(ctx, which)
}

func (w *world) WaitGroup(ctx context.Context, _ string, p firn.Position) (uint64, error) {
	return w.coordinator().Wait(ctx, p)
}

func (w *world) Parked(ctx context.Context, _ string) iter.Seq2[firn.ParkedEvent, error] {
	return func(yield func(firn.ParkedEvent, error) bool) {
		e := w.store.Engine()
		err := group.EachParked(e, w.group.Name, func(a *command.Aside) bool {
			p, err := group.Parked(ctx, e, &w.group, a)
			return yield(p, err)
		})
		if err != nil {
			yield(firn.ParkedEvent{}, err)
		}
	}
}

// worldConsumer shows a coordinator's consumer as a firn.Consumer.
type worldConsumer struct{ *group.Consumer }

func (u worldConsumer) Deliveries(ctx context.Context) iter.Seq2[firn.Delivery, error] {
	return func(yield func(firn.Delivery, error) bool) {
		for {
			deliveries, err := u.Next(ctx, 1)
			if err != nil {
				yield(firn.Delivery{}, err)
				return
			}
			for _, d := range deliveries {
				var decoder record.Decoder
				e, err := decoder.Event(d.Stream, bytes.Clone(d.Bytes))
				if !yield(firn.Delivery{Event: e, Token: d.Token, Attempt: d.Attempt, Replay: d.Replay}, err) {
					return
				}
			}
		}
	}
}

func (u worldConsumer) Settle(ctx context.Context, answers ...firn.Settlement) error {
	void, err := u.Consumer.Settle(ctx, answers)
	if err == nil && void > 0 {
		err = firn.Stale(void, len(answers))
	}
	return err
}
