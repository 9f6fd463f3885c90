package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// warehouseGroup hears of the shipments that are asked for.
var warehouseGroup = firn.Group{Name: "warehouse", Category: "shipment", Types: []string{"ShipmentRequested"}}

// centsMax is the worth of what the warehouse hands to a parcel service.
const centsMax = 100_000

// warehouse stands for a system of its own, which answers whenever it can.
type warehouse struct{ store store }

func (w *warehouse) handle(ctx context.Context, d firn.Delivery) error {
	e := &d.Event
	var wanted shipmentRequested
	if err := json.Unmarshal(e.Data, &wanted); err != nil {
		return client.Park(fmt.Errorf("a ShipmentRequested that does not parse: %w", err))
	}
	answer := firn.Draft{ID: firn.DeriveID(e.ID, 0), Type: "ShipmentHandedOver", Data: []byte(`{"parcel":"P-` + e.ID.String()[:8] + `"}`)}
	if wanted.Cents > centsMax {
		answer.Type, answer.Data = "ShipmentRefused", []byte(`{"reason":"worth too much for a parcel"}`)
	}
	_, err := w.store.Append(firn.CausedBy(ctx, e), firn.To(e.Stream, firn.At(e.Revision), answer))
	return err
}
