package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// demoModel is a read model in memory: the state of every order, fed by a
// subscription. Other programs keep such tables in a database, together with the
// checkpoint; see docs/read-models.md.
type demoModel struct {
	mu         sync.Mutex
	states     map[string]string // by order
	checkpoint firn.Position     // everything up to here is in
	events     int               // that have come
	moved      chan struct{}     // closed when the checkpoint moves, and made anew
}

func newDemoModel() *demoModel {
	return &demoModel{states: map[string]string{}, moved: make(chan struct{})}
}

// feed follows the orders behind the checkpoint until the context ends.
func (m *demoModel) feed(ctx context.Context, db firn.Store) error {
	q := firn.Query{Category: "order", From: firn.PositionPoint(m.checkpoint + 1)}
	for message, err := range db.Subscribe(ctx, q) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		m.take(&message)
	}
	return nil
}

func (m *demoModel) take(message *firn.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &message.Event
	if mark := message.Mark; mark != nil {
		if _, deleted := mark.Life.(firn.Delete); deleted {
			delete(m.states, mark.Stream)
		}
		m.checkpoint = mark.At
	} else {
		m.events++
		if state, changes := strings.CutPrefix(e.Type, "Order"); changes {
			m.states[e.Stream] = strings.ToLower(state)
		}
		if !e.AppendEnd() {
			return // an append is in as a whole, or not at all
		}
		m.checkpoint = e.Position
	}
	close(m.moved)
	m.moved = make(chan struct{})
}

// waitFor returns once everything up to a position is in.
func (m *demoModel) waitFor(ctx context.Context, p firn.Position) error {
	for {
		m.mu.Lock()
		at, moved := m.checkpoint, m.moved
		m.mu.Unlock()
		if at >= p {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("the read model has come to position %d, not to %d: %w", at, p, ctx.Err())
		}
	}
}

// feedUpTo feeds the model until a position is in.
func (m *demoModel) feedUpTo(d *demo, p firn.Position) error {
	ctx, cancel := context.WithCancel(d.ctx)
	fed := make(chan error, 1)
	go func() {
		defer cancel()
		fed <- m.feed(ctx, d.db)
	}()
	err := m.waitFor(ctx, p)
	cancel()
	return errors.Join(err, <-fed)
}

func (m *demoModel) summary() string {
	counts := map[string]int{}
	for _, state := range m.states {
		counts[state]++
	}
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
	}
	return strings.Join(parts, ", ")
}

// states is what the model must come to.
func (o *demoOrders) states() map[string]string {
	states := map[string]string{}
	for _, e := range o.events {
		if state, changes := strings.CutPrefix(e.typ, "Order"); changes {
			states[e.stream] = strings.ToLower(state)
		}
	}
	return states
}

// demoOwn is an order of the demo's own, placed while the model is not fed.
const demoOwn = "order-own"

func (d *demo) project() ([]string, error) {
	m := newDemoModel()
	head, _, err := d.head()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := m.feedUpTo(d, head); err != nil {
		return nil, err
	}
	took := time.Since(began)
	if !maps.Equal(m.states, d.orders.states()) {
		return nil, fmt.Errorf("the read model has %s, which is not what the events say", m.summary())
	}
	lines := []string{fmt.Sprintf("%d events in %.2f s make a table of %d orders: %s", m.events, took.Seconds(), len(m.states), m.summary())}

	done, err := d.db.Append(d.ctx, firn.To(demoOwn, firn.None, firn.Draft{Type: "OrderPlaced", Data: []byte(`{"customer":"c-1","currency":"EUR"}`)}))
	if err != nil {
		return lines, err
	}
	before := m.events
	if err := m.feedUpTo(d, done.Position); err != nil {
		return lines, err
	}
	if m.events != before+1 || m.states[demoOwn] != "placed" {
		return lines, fmt.Errorf("behind the checkpoint %d events came, and %s is %q; it should be one, and placed", m.events-before, demoOwn, m.states[demoOwn])
	}
	return append(lines,
		fmt.Sprintf("stopped, and fed again from its checkpoint: only what is new came, the order appended meanwhile at position %d", done.Position),
		fmt.Sprintf("who has written waits for that position, and reads it: %s is %s", demoOwn, m.states[demoOwn])), nil
}
