package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// processGroup hears of everything that moves the process on. Orders and
// shipments are of two categories, so it follows all, by type.
var processGroup = firn.Group{
	Name:  "shipping",
	All:   true,
	Types: []string{"OrderPaid", "ShipmentHandedOver", "ShipmentRefused"},
}

// process is the process manager. It keeps nothing itself: where a process
// stands is in the streams.
type process struct{ store store }

// handle appends what follows from an event, as its effect: "firn trace" shows
// it below what caused it.
func (p *process) handle(ctx context.Context, d firn.Delivery) error {
	e := &d.Event
	ctx = firn.CausedBy(ctx, e)
	switch e.Type {
	case "OrderPaid":
		return p.request(ctx, e)
	case "ShipmentHandedOver":
		return p.finish(ctx, e, "OrderShipped", e.Data)
	case "ShipmentRefused":
		return p.finish(ctx, e, "OrderCancelled", e.Data)
	}
	return nil
}

// request begins the order's shipment. That a stream of this name does not exist
// yet is part of the append: an order has one shipment, however often it is paid.
func (p *process) request(ctx context.Context, paid *firn.Event) error {
	var order orderPlaced
	for e, err := range p.store.Read(ctx, firn.Query{Stream: paid.Stream, Types: []string{"OrderPlaced"}, Limit: 1}) {
		if err != nil {
			return err
		}
		if err := json.Unmarshal(e.Data, &order); err != nil {
			return client.Park(fmt.Errorf("an OrderPlaced that does not parse: %w", err)) // and would not the next time
		}
	}
	data, err := json.Marshal(shipmentRequested{Order: paid.Stream, Cents: order.Cents})
	if err != nil {
		return err
	}
	draft := firn.Draft{ID: firn.DeriveID(paid.ID, 0), Type: "ShipmentRequested", Data: data}
	_, err = p.store.Append(ctx, firn.To(shipmentOf(paid.Stream), firn.None, draft))
	return err
}

// finish ends the order as its shipment did. What the stream says decides: where
// the order has ended already, by an earlier delivery of this event or by
// somebody else, nothing is left to do. Where somebody is faster, the append
// fails with a conflict, and the event comes again.
func (p *process) finish(ctx context.Context, ended *firn.Event, typ string, data []byte) error {
	order := orderOf(ended.Stream)
	var last firn.Event
	for e, err := range p.store.Read(ctx, firn.Query{Stream: order, Backwards: true, Limit: 1}) {
		if err != nil {
			return err
		}
		last = e
	}
	if last.Type != "OrderPaid" {
		return nil
	}
	draft := firn.Draft{ID: firn.DeriveID(ended.ID, 0), Type: typ, Data: data}
	_, err := p.store.Append(ctx, firn.To(order, firn.At(last.Revision), draft))
	return err
}

// orderPlaced is what examples/orders says of an order.
type orderPlaced struct {
	Cents int64 `json:"cents"`
}

type shipmentRequested struct {
	Order string `json:"order"`
	Cents int64  `json:"cents"`
}

func shipmentOf(order string) string { return "shipment-" + order }

func orderOf(shipment string) string { return strings.TrimPrefix(shipment, "shipment-") }
