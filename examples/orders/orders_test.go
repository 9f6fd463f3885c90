package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

// TestOrders places an order and pays it, and finds it in the table each time.
func TestOrders(t *testing.T) {
	store := firn.Memory()
	db, err := open(filepath.Join(t.TempDir(), "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	runner, err := projection.New(db, store, orders, projection.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- run(ctx, runner) }()
	defer func() {
		cancel()
		<-ended
	}()
	web := httptest.NewServer((&api{store, db, runner}).routes())
	defer web.Close()
	ask := func(method, path, body string, status int, answer any) {
		t.Helper()
		request, err := http.NewRequest(method, web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != status {
			t.Fatalf("%s %s answered %s, want %d", method, path, response.Status, status)
		}
		if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
			t.Fatal(err)
		}
	}
	var placed, paid written
	var found []order
	ask("POST", "/orders", `{"customer":"ada","cents":1990}`, 200, &placed)
	ask("GET", fmt.Sprintf("/orders?customer=ada&at=%d", placed.At), "", 200, &found)
	if len(found) != 1 || found[0] != (order{placed.ID, "ada", 1990, "placed", 0}) {
		t.Errorf("after the order was placed the table has %+v", found)
	}
	ask("POST", "/orders/"+placed.ID+"/pay", "", 200, &paid)
	ask("GET", fmt.Sprintf("/orders?state=paid&at=%d", paid.At), "", 200, &found)
	if len(found) != 1 || found[0] != (order{placed.ID, "ada", 1990, "paid", 1}) {
		t.Errorf("after the order was paid the table has %+v", found)
	}
	at, err := store.Change(t.Context(), placed.ID, firn.Any, firn.Delete{})
	if err != nil {
		t.Fatal(err)
	}
	ask("GET", fmt.Sprint("/orders?at=", at), "", 200, &found)
	if len(found) != 0 {
		t.Errorf("after the order was deleted the table has %+v", found)
	}

	var refusal map[string]string
	ask("POST", "/orders/order-1/pay", "", 404, &refusal)
	ask("POST", "/orders", `{"customer":""}`, 400, &refusal)
	ask("GET", "/orders?at=soon", "", 400, &refusal)
}
