package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// An atomic transfer between two accounts, on the condition that a third stream
// has not changed either.
func Example() {
	ctx := context.Background()
	db, err := client.Dial(ctx, "127.0.0.1:7400,127.0.0.1:7401,127.0.0.1:7402", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	debit := firn.Draft{ID: firn.NewID(), Type: "Debited", Data: []byte(`{"amount": "30.00"}`)}
	credit := firn.Draft{ID: firn.NewID(), Type: "Credited", Data: []byte(`{"amount": "30.00"}`)}
	done, err := db.Append(ctx, firn.To("account-1", firn.At(7), debit), firn.To("account-2", firn.At(3), credit), firn.Check("limit-1", firn.At(0)))

	var conflict *firn.ConflictError
	switch {
	case err == nil:
		fmt.Println("transferred at position", done.Position)
	case errors.As(err, &conflict):
		// Somebody was faster: load the stream again and decide anew.
		fmt.Println(conflict.Stream, "is not at", conflict.Expected, "but at", conflict.Actual)
	case errors.Is(err, firn.ErrUnknown):
		// It may have been done. The same drafts, with the same ids, are
		// appended once, however often they are sent.
		fmt.Println("repeat the transfer with the ids", debit.ID, credit.ID)
	default:
		fmt.Println("nothing was done:", err)
	}
}

// A consumer that sends a mail for each order. A mail server that is down lets
// the event come again; an order without an address is set aside, and holds up
// its own stream only.
func ExampleHandle() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	db, err := client.Dial(ctx, "127.0.0.1:7400,127.0.0.1:7401,127.0.0.1:7402", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	_, err = db.CreateGroup(ctx, firn.Group{Name: "mailer", Category: "order", Types: []string{"OrderPlaced"}})
	if err != nil && !errors.Is(err, firn.ErrAlreadyExists) {
		log.Fatal(err)
	}
	send := func(ctx context.Context, address, idempotencyKey string) error { return nil }
	err = client.Handle(ctx, db, "mailer", client.HandleOptions{Parallel: 8}, func(ctx context.Context, d firn.Delivery) error {
		var order struct{ Email string }
		if err := json.Unmarshal(d.Event.Data, &order); err != nil || order.Email == "" {
			return client.Park(errors.New("the order has no address"))
		}
		// The event may come again: its id tells the mail server that it is the same mail.
		return send(ctx, order.Email, d.Event.ID.String())
	})
	if err != nil {
		log.Fatal(err)
	}
}

// A producer that does not wait for each answer.
func ExampleProducer() {
	ctx := context.Background()
	db, err := client.Dial(ctx, "127.0.0.1:7400", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	producer := client.NewProducer(db, client.ProducerOptions{})
	var pending []*client.Pending
	for i := range 10_000 {
		item, err := producer.Append(ctx, fmt.Sprintf("sensor-%d", i%100), firn.Draft{Type: "Measured", Data: []byte(`{"celsius": -4.5}`)})
		if err != nil {
			log.Fatal(err)
		}
		pending = append(pending, item)
	}
	if err := producer.Close(ctx); err != nil {
		log.Fatal(err)
	}
	for _, item := range pending {
		if _, err := item.Wait(ctx); err != nil {
			fmt.Println("not appended:", err)
		}
	}
}
