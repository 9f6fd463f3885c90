package upcaster_test

import (
	"encoding/json"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

const benchEvent = `{"order":"o-4711","cust":{"id":"c-17","name":"Ada Lovelace"},"total":"100.10","placed":1772375527,` +
	`"lines":[{"sku":"snow-globe","n":1,"price":19.90},{"sku":"ice-axe","n":2,"price":40.10}],"note":"leave it at the door, please","legacy":true}`

type benchOrder struct {
	Order string `json:"order"`
	Cust  struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"cust"`
	Total  string `json:"total"`
	Placed int64  `json:"placed"`
	Lines  []struct {
		SKU   string  `json:"sku"`
		N     int     `json:"n"`
		Price float64 `json:"price"`
	} `json:"lines"`
	Note   string `json:"note"`
	Legacy bool   `json:"legacy"`
}

// A chain of three declared steps is to cost at most 1.5 times what
// BenchmarkUnmarshalMarshal does.
func BenchmarkThreeSteps(b *testing.B) {
	run(b, steps(b,
		"{type: T, from: 1, to: 2, rename: {/cust: /customer}, default: {/currency: EUR}}",
		"{type: T, from: 2, to: 3, convert: {/total: number, /placed: seconds-to-time}}",
		"{type: T, from: 3, to: 4, drop: [/legacy], move: {/note: /delivery/note}}"))
}

func BenchmarkOneProgram(b *testing.B) {
	run(b, steps(b, "{type: T, from: 1, to: 2, jq: '.total = (.total|tonumber)'}"))
}

func BenchmarkNothingApplies(b *testing.B) {
	r := registry(b, mustParse(b, orders))
	e := firn.Event{Stream: "order-1", Type: "OrderShipped", Schema: 1, ContentType: firn.JSON, Data: []byte(benchEvent)}
	b.ReportAllocs()
	for b.Loop() {
		r.Upcast(b.Context(), &e)
	}
}

func run(b *testing.B, d *upcaster.Definition) {
	rules := registry(b, d).For("order")
	in := upcaster.Shape{Type: "T", Schema: 1, ContentType: firn.JSON, Data: []byte(benchEvent)}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rules.Apply(ctx, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalMarshal(b *testing.B) {
	b.Run("any", func(b *testing.B) { roundTrip[any](b) })
	b.Run("struct", func(b *testing.B) { roundTrip[benchOrder](b) })
}

func roundTrip[T any](b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var v T
		if err := json.Unmarshal([]byte(benchEvent), &v); err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}
