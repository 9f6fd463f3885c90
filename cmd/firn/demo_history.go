package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/firndb/firn"
)

// demoUpcaster brings the prices of old items, in euros, into today's shape.
const demoUpcaster = `upcaster: item-cents
category: order
steps:
  - {type: ItemAdded, from: 1, to: 2, rename: {/price: /cents}, convert: {/cents: [{shift: 2}, integer]}}
`

// demoFold is how the events of an order, in today's shape, become its state.
const demoFold = `fold: order
category: order
initial: {state: new, items: 0, cents: 0}
on:
  OrderPlaced: .state = "placed" | .customer = $event.data.customer
  ItemAdded: .items += $event.data.quantity | .cents += $event.data.cents * $event.data.quantity
  OrderPaid: .state = "paid"
  OrderShipped: .state = "shipped"
  OrderCancelled: .state = "cancelled"
`

// define writes a definition to a file and hands it to a command.
func (d *demo) define(name, text string, command ...string) (*demoOutcome, error) {
	file := filepath.Join(d.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	o := d.command(append(command, file)...)
	return o, o.err
}

func (d *demo) evolve() (lines []string, err error) {
	items := 0
	for _, e := range d.orders.events {
		if e.typ == "ItemAdded" {
			items++
		}
	}
	o, err := d.define("item-cents.yaml", demoUpcaster, "upcaster", "check")
	if err != nil {
		return nil, err
	}
	var report struct{ Events, Changed, Failed int }
	if err := json.Unmarshal(o.out.Bytes(), &report); err != nil || report.Changed != items || report.Failed > 0 {
		return nil, fmt.Errorf("the check should find that all %d items change and none fails, but: %s (%v)", items, &o.out, err)
	}
	lines = append(lines, fmt.Sprintf("tried on the whole history first: %d of %d events change, none fails", report.Changed, report.Events))
	if _, err := d.define("item-cents.yaml", demoUpcaster, "upcaster", "create"); err != nil {
		return lines, err
	}
	const today = `{"sku":"A-4711","quantity":1,"cents":4990}`
	if _, err := d.db.Append(d.ctx, firn.To(demoOwn, firn.At(0), firn.Draft{Type: "ItemAdded", Schema: 2, Data: []byte(today)})); err != nil {
		return lines, err
	}
	for _, show := range []struct {
		words string
		query firn.Query
		want  string // in the data
	}{
		{"old, as stored:   ", firn.Query{Stream: "order-7", Raw: true}, `"price":`},
		{"old, as read now: ", firn.Query{Stream: "order-7"}, `"cents":`},
		{"new:              ", firn.Query{Stream: demoOwn}, today},
	} {
		show.query.Types = []string{"ItemAdded"}
		events, err := d.read(show.query)
		if err != nil {
			return lines, err
		}
		if len(events) == 0 || !bytes.Contains(events[0].Data, []byte(show.want)) || events[0].Fault != nil {
			return lines, fmt.Errorf("%s should have %s in %v", events[0].Stream, show.want, events)
		}
		lines = append(lines, fmt.Sprintf("%s%s %s", show.words, events[0].Stream, events[0].Data))
	}
	return lines, nil
}

// look asks for states of an order, for what changed, and for the event that
// changed it.
func (d *demo) look() (lines []string, err error) {
	if _, err := d.define("order.yaml", demoFold, "fold", "create"); err != nil {
		return nil, err
	}
	stream, paid := d.orders.travelled()
	q := firn.StateQuery{Stream: stream}
	for _, at := range []struct {
		words string
		point firn.Point
	}{{"at revision 1", firn.RevisionPoint(1)}, {"now", firn.Point{}}} {
		q.At = at.point
		state, err := d.db.State(d.ctx, q)
		if err != nil {
			return lines, err
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", stream, at.words, state.State))
		if at.point.IsZero() && !bytes.Contains(state.State, fmt.Appendf(nil, `"cents":%s,`, paid)) {
			return lines, fmt.Errorf("what the items cost should be what was paid, %s cents", paid)
		}
	}
	diff, err := d.db.Diff(d.ctx, firn.DiffQuery{Stream: stream, From: firn.RevisionPoint(1), To: firn.EndPoint()})
	if err != nil {
		return lines, err
	}
	for _, op := range diff.Patch {
		lines = append(lines, fmt.Sprintf("between the two: %s %s → %s", op.Path, op.Was, op.Is))
	}
	blame, err := d.db.Blame(d.ctx, firn.BlameQuery{StateQuery: q, Path: "/cents"})
	if err != nil {
		return lines, err
	}
	if len(blame.Fields) != 1 || blame.Fields[0].Event == nil {
		return lines, fmt.Errorf("an event should have changed /cents last, but: %+v", blame.Fields)
	}
	by := blame.Fields[0].Event
	if last := d.orders.last(stream, "ItemAdded"); by.ID != d.orders.id(last) || by.Actor != d.orders.actor(last) {
		return lines, fmt.Errorf("the last ItemAdded should have changed /cents last, but: %+v", *by)
	}
	lines = append(lines, fmt.Sprintf("who changed /cents last: %s, with %s at revision %d", by.Actor, by.Type, by.Revision))
	found, err := d.db.Bisect(d.ctx, firn.BisectQuery{StateQuery: q, Where: `.state == "paid" or .state == "shipped"`})
	if err != nil {
		return lines, err
	}
	if !found.Found || found.Event.Type != "OrderPaid" {
		return lines, fmt.Errorf("OrderPaid should be the first event after which it is paid, but: %+v", found.Event)
	}
	return append(lines, fmt.Sprintf("since when it is paid: %s, revision %d", found.Event.Type, found.Event.Revision)), nil
}

// last returns the number of the last event of a type in an order.
func (o *demoOrders) last(stream, typ string) (found int) {
	for i, e := range o.events {
		if e.stream == stream && e.typ == typ {
			found = i
		}
	}
	return found
}

// travelled returns an order with three items that was paid, and how many cents.
func (o *demoOrders) travelled() (stream, cents string) {
	items := map[string]int{}
	for _, e := range o.events {
		switch e.typ {
		case "ItemAdded":
			items[e.stream]++
		case "OrderPaid":
			if items[e.stream] == 3 {
				amount := strings.NewReplacer(`{"amount":`, "", ".", "", "}", "").Replace(e.data)
				return e.stream, amount
			}
		}
	}
	return "", ""
}
