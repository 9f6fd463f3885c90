package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// demoOrders are sample events: the same ones at every run.
type demoOrders struct {
	count  int // of orders
	events []demoEvent
}

// demoEvent is one event of an order. Data is JSON.
type demoEvent struct {
	stream string
	typ    string
	data   string
	time   time.Time
}

const (
	demoOrderCount = 1500
	demoSeed       = 1858 // when firn became a word of English
)

// makeDemoOrders lets orders live side by side: each is placed, gets items, is
// paid and shipped, or is cancelled.
func makeDemoOrders() demoOrders {
	rng := rand.New(rand.NewPCG(demoSeed, demoSeed))
	o := demoOrders{count: demoOrderCount}
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	type order struct {
		name  string
		steps []demoEvent
	}
	var open []*order
	next := 1
	for next <= demoOrderCount || len(open) > 0 {
		for len(open) < 40 && next <= demoOrderCount {
			n := &order{name: fmt.Sprintf("order-%d", next)}
			n.steps = demoLife(rng, n.name)
			open = append(open, n)
			next++
		}
		i := rng.IntN(len(open))
		e := open[i].steps[0]
		at = at.Add(time.Duration(1+rng.IntN(900)) * time.Second)
		e.time = at
		o.events = append(o.events, e)
		if open[i].steps = open[i].steps[1:]; len(open[i].steps) == 0 {
			open[i] = open[len(open)-1]
			open = open[:len(open)-1]
		}
	}
	return o
}

func demoLife(rng *rand.Rand, stream string) []demoEvent {
	event := func(typ, data string, values ...any) demoEvent {
		return demoEvent{stream: stream, typ: typ, data: fmt.Sprintf(data, values...)}
	}
	life := []demoEvent{event("OrderPlaced", `{"customer":"c-%d","currency":"EUR"}`, 1+rng.IntN(400))}
	cents := 0
	for range 1 + rng.IntN(3) {
		price, quantity := 100+rng.IntN(20_000), 1+rng.IntN(3)
		cents += price * quantity
		life = append(life, event("ItemAdded", `{"sku":"A-%04d","quantity":%d,"price":%d.%02d}`, rng.IntN(10_000), quantity, price/100, price%100))
	}
	if rng.IntN(8) == 0 {
		return append(life, event("OrderCancelled", `{"reason":"changed mind"}`))
	}
	return append(life,
		event("OrderPaid", `{"amount":%d.%02d}`, cents/100, cents%100),
		event("OrderShipped", `{"parcel":"P%08d"}`, rng.IntN(100_000_000)))
}

// demoNamespace makes the orders' event ids.
var demoNamespace = firn.NameID(firn.ID{}, "firn demo")

func (o *demoOrders) id(i int) firn.ID { return firn.DeriveID(demoNamespace, i) }

// actor is who is said to have done what an event tells.
func (o *demoOrders) actor(i int) string { return []string{"ann", "bob", "eve"}[i%3] }

// ndjson returns the orders as CloudEvents, one a line.
func (o *demoOrders) ndjson() []byte {
	var b bytes.Buffer
	for i, e := range o.events {
		fmt.Fprintf(&b, `{"specversion":"1.0","id":"%s","source":"firn/demo","type":"%s","subject":"%s","time":"%s","firnmetadata":%q,"datacontenttype":"application/json","data":%s}`+"\n",
			o.id(i), e.typ, e.stream, e.time.Format(time.RFC3339), fmt.Sprintf(`{"actor":"%s"}`, o.actor(i)), e.data)
	}
	return b.Bytes()
}

// of returns the events of one order, in order.
func (o *demoOrders) of(stream string) (events []demoEvent) {
	for _, e := range o.events {
		if e.stream == stream {
			events = append(events, e)
		}
	}
	return events
}

func demoTypes(events []firn.Event) string {
	var types []string
	for i := range events {
		types = append(types, events[i].Type)
	}
	return strings.Join(types, ", ")
}
