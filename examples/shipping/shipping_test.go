package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
)

// errLost stands for an answer that did not arrive.
var errLost = errors.New("planted: what was done is not acknowledged")

// TestRedelivery lets the answer to each event's first deliveries get lost after
// everything was done, and finds each step of each process once.
func TestRedelivery(t *testing.T) {
	db, err := server.Embed(t.TempDir(), server.EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mu sync.Mutex
	deliveries := map[string]int{}
	lossy := func(group string, h handler) handler {
		return func(ctx context.Context, d firn.Delivery) error {
			mu.Lock()
			deliveries[group]++
			mu.Unlock()
			if err := h(ctx, d); err != nil {
				return err
			}
			if d.Attempt < 3 {
				return client.RetryAfter(errLost, time.Millisecond)
			}
			return nil
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, db, lossy) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	const orders = 10
	for i := range orders {
		cents := 1990
		if i%5 == 0 {
			cents = 5_000_000
		}
		_, err := db.Append(t.Context(), firn.To(fmt.Sprint("order-", i), firn.None,
			firn.Draft{Type: "OrderPlaced", Data: fmt.Appendf(nil, `{"customer":"ada","cents":%d}`, cents)},
			firn.Draft{Type: "OrderPaid", Data: []byte(`{}`)}))
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range orders {
		order, wantOrder, wantShipment := fmt.Sprint("order-", i), "OrderPlaced OrderPaid OrderShipped", "ShipmentRequested ShipmentHandedOver"
		if i%5 == 0 {
			wantOrder, wantShipment = "OrderPlaced OrderPaid OrderCancelled", "ShipmentRequested ShipmentRefused"
		}
		end := await(t, db, order, "OrderShipped", "OrderCancelled")
		for _, group := range []string{"shipping", "warehouse"} { // until the last redelivery is through
			if parked, err := db.WaitGroup(t.Context(), group, end.Position); err != nil || parked > 0 {
				t.Fatalf("%s: %d events are parked (error: %v)", group, parked, err)
			}
		}
		if got := types(t, db, order); got != wantOrder {
			t.Errorf("%s has %s, want %s", order, got, wantOrder)
		}
		if got := types(t, db, shipmentOf(order)); got != wantShipment {
			t.Errorf("the shipment of %s has %s, want %s", order, got, wantShipment)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if deliveries["shipping"] != 3*2*orders || deliveries["warehouse"] != 3*orders {
		t.Errorf("deliveries %v; each event was to come three times", deliveries)
	}
}

// A process is one conversation, which begins with the payment.
func TestCauses(t *testing.T) {
	db, err := server.Embed(t.TempDir(), server.EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, db, func(_ string, h handler) handler { return h }) }()
	defer func() { cancel(); <-ended }()
	done, err := db.Append(t.Context(), firn.To("order-1", firn.None,
		firn.Draft{Type: "OrderPlaced", Data: []byte(`{"customer":"ada","cents":5}`)}, firn.Draft{Type: "OrderPaid", Data: []byte(`{}`)}))
	if err != nil {
		t.Fatal(err)
	}
	await(t, db, "order-1", "OrderShipped")
	var effects []string
	for e, err := range db.Read(t.Context(), firn.Query{Correlation: done.Writes[0].IDs[1].String()}) {
		if err != nil {
			t.Fatal(err)
		}
		effects = append(effects, e.Type)
	}
	if want := []string{"ShipmentRequested", "ShipmentHandedOver", "OrderShipped"}; !slices.Equal(effects, want) {
		t.Errorf("the payment led to %v, want %v", effects, want)
	}
}

// await returns the first event of one of these types.
func await(t *testing.T, db store, stream string, types ...string) firn.Event {
	t.Helper()
	for m, err := range db.Subscribe(t.Context(), firn.Query{Stream: stream, Types: types}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Mark == nil {
			return m.Event
		}
	}
	t.Fatalf("%s: the subscription ended", stream)
	return firn.Event{}
}

func types(t *testing.T, db store, stream string) string {
	t.Helper()
	var all []string
	for e, err := range db.Read(t.Context(), firn.Query{Stream: stream}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Type)
	}
	return strings.Join(all, " ")
}
