// Command orders shows a read model beside the event store: a table of orders in
// SQLite, fed from the streams of the category order, and a small HTTP service
// that answers from it.
//
//	go run ./cmd/firn up                     # in one shell: three nodes
//	go run ./examples/orders                 # in another
//	curl -d '{"customer":"ada","cents":1990}' localhost:7480/orders
//	curl 'localhost:7480/orders?customer=ada&at=1'
//	curl -X POST localhost:7480/orders/order-…/pay
//
// What changes something is appended to the store and answered with its
// position. A request that brings a position along (?at=) is answered once the
// tables have passed it, so that who has written reads what he wrote, from
// whichever process of this program.
//
// Stop it, delete the database, and start it again: the table is computed anew,
// with a progress bar on a terminal.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "modernc.org/sqlite"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/client/projection"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:7400,127.0.0.1:7401,127.0.0.1:7402", "the store's nodes")
	file := flag.String("db", "orders.db", "the SQLite database, made where it is missing")
	listen := flag.String("listen", "127.0.0.1:7480", "where the service listens")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr, *file, *listen); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

// serve projects and answers until the context ends or either cannot go on.
func serve(ctx context.Context, addr, file, listen string) error {
	store, err := client.Dial(ctx, addr, client.Options{Name: "orders"})
	if err != nil {
		return err
	}
	defer store.Close()
	db, err := open(file)
	if err != nil {
		return err
	}
	defer db.Close()
	runner, err := projection.New(db, store, orders, projection.Options{OnProgress: progress(os.Stderr)})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	web := &http.Server{Handler: (&api{store, db, runner}).routes(), ReadHeaderTimeout: 10 * time.Second}
	fmt.Printf("http://%s/orders\n", listener.Addr())

	ctx, cancel := context.WithCancelCause(ctx)
	go func() { cancel(web.Serve(listener)) }()
	projected := make(chan struct{})
	go func() {
		defer close(projected)
		cancel(run(ctx, runner))
	}()
	<-ctx.Done()
	<-projected // it has told the database that another may project
	grace, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	return errors.Join(context.Cause(ctx), web.Shutdown(grace))
}

// run projects, and computes everything anew where the store has another history
// than the one that the tables were fed from.
func run(ctx context.Context, runner *projection.Runner) error {
	err := runner.Run(ctx)
	if !errors.Is(err, firn.ErrOtherHistory) {
		return err
	}
	log.Print(err)
	if err := runner.Rebuild(ctx); err != nil {
		return err
	}
	return runner.Run(ctx)
}

func open(file string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_pragma=synchronous(NORMAL)")
}
