// Command shipping shows a process manager: a consumer of a group that listens
// to events and appends what is to happen next, so that a process of several
// steps goes on by itself, over streams that know nothing of each other.
//
//	go run ./cmd/firn up                     # in one shell: three nodes
//	go run ./examples/orders                 # in another; its page says how to place and pay an order
//	go run ./examples/shipping               # in a third; any number of them share the work
//	go run ./cmd/firn trace ID               # what the event with this id has led to
//
// An order that is paid becomes a shipment; what the warehouse says of the
// shipment becomes the order's end. The warehouse is played by a second group.
//
// A delivery may come twice: the program died before its answer was kept, or
// the answer was lost. So the ids of what is appended are derived from the
// event's (firn.DeriveID), and the store answers the second append with the
// first one's result.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:7400,127.0.0.1:7401,127.0.0.1:7402", "the store's nodes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	db, err := client.Dial(ctx, *addr, client.Options{Name: "shipping"})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := run(ctx, db, told); err != nil {
		log.Fatal(err)
	}
}

// store is what the handlers need: a *client.Client, or an embedded node.
type store interface {
	firn.Store
	firn.Groups
}

// handler handles one delivery. It may be called again with the same event.
type handler func(context.Context, firn.Delivery) error

// run handles the process and plays the warehouse until the context ends. Every
// handler is given to around first.
func run(ctx context.Context, db store, around func(group string, h handler) handler) error {
	parts := []struct {
		group  firn.Group
		handle handler
	}{
		{processGroup, (&process{db}).handle},
		{warehouseGroup, (&warehouse{db}).handle},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(parts))
	for _, p := range parts {
		if _, err := db.CreateGroup(ctx, p.group); err != nil && !errors.Is(err, firn.ErrAlreadyExists) {
			return err
		}
	}
	for _, p := range parts {
		go func() {
			defer cancel() // one without the other is of no use
			o := client.HandleOptions{Parallel: 8, Logger: slog.Default()}
			ended <- client.Handle(ctx, db, p.group.Name, o, around(p.group.Name, p.handle))
		}()
	}
	var err error
	for range parts {
		err = errors.Join(err, <-ended)
	}
	return err
}

// told is a handler that says what it handles.
func told(group string, h handler) handler {
	return func(ctx context.Context, d firn.Delivery) error {
		err := h(ctx, d)
		fmt.Printf("%-9s %s %s, attempt %d: %s\n", group, d.Event.Stream, d.Event.Type, d.Attempt, outcome(err))
		return err
	}
}

func outcome(err error) string {
	if err != nil {
		return err.Error()
	}
	return "done"
}
