package group_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/engine/group"
	"github.com/firndb/firn/engine/record"
)

// world is a store with one group, whose leader can be deposed.
type world struct {
	t       *testing.T
	s       *enginetest.Store
	c       *group.Coordinator
	group   firn.Group
	created firn.Position
	epoch   uint64

	// What becomes of a step; nil: it is applied.
	fault func(*command.Settle) stepFault
}

// stepFault says what a step meets on its way.
type stepFault struct {
	lost    bool // it is not applied
	unknown bool // the answer is that nobody knows
}

func newWorld(t *testing.T, g firn.Group) *world {
	w := &world{t: t, s: enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 32}})}
	w.group = group.WithDefaults(g)
	if err := group.Check(&w.group); err != nil {
		t.Fatal(err)
	}
	r := w.s.Apply(&command.Define{ID: firn.NewID(), Class: command.ClassGroup, Name: []byte(g.Name), Expect: firn.None, Body: group.Encode(&w.group, 0)})[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	w.created = r.Appended.Position
	w.lead()
	t.Cleanup(func() { w.depose() })
	return w
}

var errDeposed = firn.Errorf(firn.ErrNotLeader, "deposed")

func (w *world) lead() {
	w.epoch++
	w.c = group.Start(group.Options{
		Engine: w.s.Engine(), Log: w, Group: w.group, Created: w.created, Epoch: w.epoch,
		Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

func (w *world) depose() { w.c.Stop(errDeposed) }

// Propose applies a step, unless a fault is planted.
func (w *world) Propose(ctx context.Context, b []byte) (command.Result, error) {
	item, err := command.ParseItem(b)
	if err != nil {
		return command.Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return command.Result{}, err
	}
	var f stepFault
	if w.fault != nil {
		f = w.fault(item.(*command.Settle))
	}
	var result command.Result
	if !f.lost {
		result = w.s.Apply(item)[0]
	}
	if f.unknown {
		return command.Result{}, firn.Errorf(firn.ErrUnknown, "nobody knows")
	}
	return result, nil
}

func (w *world) append(stream string, n int) {
	w.t.Helper()
	var drafts []firn.Draft
	for range n {
		drafts = append(drafts, firn.Draft{Type: "T", Data: []byte("{}")})
	}
	if _, err := w.s.Append(w.t.Context(), firn.To(stream, firn.Any, drafts...)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) join(inFlight uint32) *group.Consumer {
	w.t.Helper()
	u, err := w.c.Consume(inFlight)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// next returns what a consumer is handed before it is idle for a millisecond.
func (w *world) next(u *group.Consumer, most int) (all []group.Delivery) {
	w.t.Helper()
	for len(all) < most {
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Millisecond)
		got, err := u.Next(ctx, most-len(all))
		idle := ctx.Err() != nil
		cancel()
		if err != nil && !idle {
			w.t.Fatal(err)
		}
		if all = append(all, got...); idle {
			break
		}
	}
	return all
}

func (w *world) settle(u *group.Consumer, outcome firn.Outcome, ds ...group.Delivery) {
	w.t.Helper()
	var answers []firn.Settlement
	for _, d := range ds {
		answers = append(answers, firn.Settlement{Token: d.Token, Outcome: outcome, Reason: "because"})
	}
	if void, err := u.Settle(w.t.Context(), answers); void > 0 || err != nil {
		w.t.Fatalf("settling %v: %d void, %v", answers, void, err)
	}
}

func eventOf(t *testing.T, r record.Stored) firn.Event {
	t.Helper()
	var decoder record.Decoder
	event, err := decoder.Event(r.Stream, r.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return event
}
