package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

// api answers questions from the tables, and appends what is to be changed to
// the store. It never writes to the tables.
type api struct {
	store  firn.Store
	db     *sql.DB
	runner *projection.Runner
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", answer(a.place))
	mux.HandleFunc("POST /orders/{id}/pay", answer(a.pay))
	mux.HandleFunc("GET /orders", answer(a.list))
	mux.HandleFunc("GET /progress", answer(func(*http.Request) (any, error) { return a.runner.Progress(), nil }))
	return mux
}

// order is a row of the table.
type order struct {
	ID       string        `json:"id"`
	Customer string        `json:"customer"`
	Cents    int64         `json:"cents"`
	State    string        `json:"state"`
	Revision firn.Revision `json:"revision"`
}

// written tells where a change lies; ?at=POSITION waits for it.
type written struct {
	ID string        `json:"id"`
	At firn.Position `json:"at"`
}

func (a *api) place(r *http.Request) (any, error) {
	var wanted orderPlaced
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<16)).Decode(&wanted); err != nil || wanted.Customer == "" || wanted.Cents <= 0 {
		return nil, firn.Errorf(firn.ErrInvalid, `an order is {"customer":"…","cents":1990}`)
	}
	data, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	stream := "order-" + firn.NewID().String()
	done, err := a.store.Append(r.Context(), firn.To(stream, firn.None, firn.Draft{Type: "OrderPlaced", Data: data}))
	return written{stream, done.Position}, err
}

// pay decides on the stream, not on the table, which may lag: the append holds
// only if nobody has changed the order since.
func (a *api) pay(r *http.Request) (any, error) {
	stream := r.PathValue("id")
	var last firn.Event
	for e, err := range a.store.Read(r.Context(), firn.Query{Stream: stream}) {
		if err != nil {
			return nil, err
		}
		last = e
	}
	if last.Type != "OrderPlaced" {
		return nil, firn.Errorf(firn.ErrConflict, "the last that happened to %s is %s; only an order that was placed can be paid", stream, last.Type)
	}
	done, err := a.store.Append(r.Context(), firn.To(stream, firn.At(last.Revision), firn.Draft{Type: "OrderPaid", Data: []byte(`{}`)}))
	return written{stream, done.Position}, err
}

func (a *api) list(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	if at := r.FormValue("at"); at != "" {
		p, err := strconv.ParseUint(at, 10, 64)
		if err != nil {
			return nil, firn.Errorf(firn.ErrInvalid, "at=%.20q is no position", at)
		}
		if _, err := a.runner.WaitFor(ctx, firn.Position(p)); err != nil {
			return nil, fmt.Errorf("the tables have not come to position %d: %w", p, err)
		}
	}
	rows, err := a.db.QueryContext(ctx, `SELECT id, customer, cents, state, revision FROM orders
		WHERE ($1 = '' OR customer = $1) AND ($2 = '' OR state = $2) ORDER BY id LIMIT 1000`, r.FormValue("customer"), r.FormValue("state"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []order{}
	for rows.Next() {
		var o order
		if err := rows.Scan(&o.ID, &o.Customer, &o.Cents, &o.State, &o.Revision); err != nil {
			return nil, err
		}
		found = append(found, o)
	}
	return found, rows.Err()
}

// answer writes what a function returns as JSON.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		body, err := f(r)
		if err != nil {
			status, body = statusOf(err), map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body) // an error means that nobody reads it
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, firn.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, firn.ErrNotFound), errors.Is(err, firn.ErrDeleted), errors.Is(err, firn.ErrTombstoned):
		return http.StatusNotFound
	case errors.Is(err, firn.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, firn.ErrUnavailable):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
