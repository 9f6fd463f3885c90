package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// watchesMax is how many subscriptions run beside the operations.
const watchesMax = 4

// watches are the subscriptions that run beside the operations of a comparison.
type watches struct {
	rand    *rand.Rand // apart, so that the operations are the same without
	running []*watch
	log     check.Log
}

func newWatches(seed uint64) watches { return watches{rand: rand.New(rand.NewPCG(seed, 2))} }

// tend is called after each operation. It notes what has become of the log, and
// now and then begins a watch, or leaves one and begins it again.
func (c *comparison) tend(ctx context.Context) error {
	if err := c.note(ctx); err != nil {
		return err
	}
	if len(c.running) < watchesMax && c.watches.rand.IntN(25*len(c.running)+1) == 0 {
		if err := c.watch(ctx); err != nil {
			return err
		}
	}
	for _, w := range c.running {
		if !w.lost() && c.watches.rand.IntN(40) > 0 {
			continue
		}
		w.leave()
		if err := c.guarantees(w); err != nil {
			return err
		}
		if err := w.connect(ctx, c.store, c.head(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// watch begins another watch; the first one is of everything.
func (c *comparison) watch(ctx context.Context) error {
	head := c.head(ctx)
	w := &watch{heard: check.Heard{Query: firn.Query{All: true}, Start: 1}, more: make(chan struct{}, 1)}
	if len(c.running) > 0 {
		operations := c.generator.Rand
		c.generator.Rand = c.watches.rand
		w.heard.Query = c.followed()
		c.generator.Rand = operations
		switch c.watches.rand.IntN(3) {
		case 0:
			w.heard.Query.From, w.heard.Start = firn.EndPoint(), head+1
		case 1:
			w.heard.Start = firn.Position(c.watches.rand.Uint64N(uint64(head)+1)) + 1
			w.heard.Query.From = firn.PositionPoint(w.heard.Start)
		}
	}
	c.running = append(c.running, w)
	return w.connect(ctx, c.store, head)
}

// note takes down what was appended, and what cannot be seen now.
func (c *comparison) note(ctx context.Context) error {
	head := c.head(ctx)
	if int(head) == len(c.log.Events) {
		return nil
	}
	for p := firn.Position(len(c.log.Events)) + 1; p <= head; p++ {
		// As of its own position an event is visible, whatever limits there are.
		q := firn.Query{All: true, System: true, From: firn.PositionPoint(p), Bound: firn.PositionPoint(p)}
		events, err := collect(c.model.Read(ctx, q))
		if err != nil || len(events) != 1 {
			return fmt.Errorf("the model shows %d events at position %d (%v)", len(events), p, err)
		}
		c.log.Events, c.log.Hidden = append(c.log.Events, events[0]), append(c.log.Hidden, false)
	}
	return look(ctx, c.model, &c.log)
}

// look notes what cannot be seen now.
func look(ctx context.Context, model firn.Store, log *check.Log) error {
	visible := make([]bool, len(log.Events))
	for e, err := range model.Read(ctx, firn.Query{All: true, System: true}) {
		if err != nil {
			return err
		}
		visible[e.Position-1] = true
	}
	for i, seen := range visible {
		log.Hidden[i] = log.Hidden[i] || !seen
	}
	return nil
}

// judge holds all watches against the guarantees, once they have been told of
// everything.
func (c *comparison) judge(ctx context.Context) error {
	head := c.head(ctx)
	if err := look(ctx, c.model, &c.log); err != nil {
		return err
	}
	for _, w := range c.running {
		for w.lost() {
			w.leave()
			if err := w.connect(ctx, c.store, head); err != nil {
				return err
			}
		}
		if err := w.catchUp(head); err != nil {
			return err
		}
		if err := c.guarantees(w); err != nil {
			return err
		}
		if err := c.ending(w); err != nil {
			return err
		}
	}
	return nil
}

// dismiss ends all watches.
func (c *comparison) dismiss() {
	for _, w := range c.running {
		if w.cancel != nil {
			w.leave()
		}
	}
}
