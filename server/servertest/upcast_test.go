package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// shaped is what shows events in today's shape.
type shaped interface {
	firn.Store
	firn.Snapshots
	firn.Definitions
}

var (
	_ shaped = (*client.Client)(nil)
	_ shaped = (*server.Embedded)(nil)
)

const orderShape = `
upcaster: order-shape
category: order
steps:
  - {type: OrderPlaced, from: 1, to: 2, rename: {/cust: /customer}, default: {/currency: EUR}}
  - {type: OrderPaied, from: 1, to: 1, renameType: OrderPaid}
`

func eachShaped(t *testing.T, test func(t *testing.T, db shaped)) {
	t.Run("embedded", func(t *testing.T) {
		db, err := server.Embed(t.TempDir(), server.EmbedOptions{CacheBytes: 32 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		test(t, db)
	})
	t.Run("over TCP", func(t *testing.T) { test(t, servertest.Start(t, 3).Dial()) })
}

// TestUpcasting defines an upcaster while events of the old shape are there.
// Every way to read shows today's shape; who asks for it gets what is stored.
func TestUpcasting(t *testing.T) {
	t.Parallel()
	eachShaped(t, func(t *testing.T, db shaped) {
		ctx := t.Context()
		appendAll(t, db, "order-1",
			firn.Draft{Type: "OrderPlaced", Data: []byte(`{"cust":"ann","total":100.10}`), Metadata: []byte(`{"by":"x"}`)},
			firn.Draft{Type: "OrderPaied", Data: []byte(`{"n":1e2}`)},
			firn.Draft{Type: "OrderPlaced", Schema: 2, Data: []byte(`{"customer":"bob"}`)},
			firn.Draft{Type: "OrderPlaced", Data: []byte(`{"cust":`)}, // broken, as it was appended
		)
		appendAll(t, db, "cart-1", firn.Draft{Type: "OrderPlaced", Data: []byte(`{"cust":"eve"}`)})
		follow, cancel := context.WithCancel(ctx)
		defer cancel()
		next, stop := iter.Pull2(db.Subscribe(follow, firn.Query{Category: "order", Types: []string{"OrderPaid"}}))
		defer stop()
		if m, err, _ := next(); err != nil || m.Mark == nil || m.Mark.Kind != firn.CaughtUp {
			t.Fatalf("before the upcaster, a subscription of its types begins with %+v, %v", m, err)
		}
		defined, err := db.Define(ctx, firn.UpcasterDefinition, "order-shape", []byte(orderShape), firn.None)
		if err != nil || defined.Version != 1 {
			t.Fatalf("defined %+v, %v", defined, err)
		}

		today := []string{
			`OrderPlaced 2 {"customer":"ann","total":100.10,"currency":"EUR"} {"by":"x"}`,
			`OrderPaid 1 {"n":1e2} `,
			`OrderPlaced 2 {"customer":"bob"} `,
			`OrderPlaced 0 {"cust": fault`,
		}
		wants(t, "the stream", db.Read(ctx, firn.Query{Stream: "order-1"}), today...)
		wants(t, "the category, backwards", db.Read(ctx, firn.Query{Category: "order", Backwards: true}), today[3], today[2], today[1], today[0])
		wants(t, "everything", db.Read(ctx, firn.Query{All: true}), append(slices.Clone(today), `OrderPlaced 0 {"cust":"eve"} `)...)
		wants(t, "a type of today", db.Read(ctx, firn.Query{Stream: "order-1", Types: []string{"OrderPaid"}, Limit: 1}), today[1])
		wants(t, "the type that it was", db.Read(ctx, firn.Query{Stream: "order-1", Types: []string{"OrderPaied"}}))
		wants(t, "a prefix, limited", db.Read(ctx, firn.Query{Stream: "order-1", TypePrefixes: []string{"OrderP"}, Limit: 2}), today[0], today[1])
		wants(t, "raw", db.Read(ctx, firn.Query{Stream: "order-1", Raw: true, Limit: 2}), `OrderPlaced 0 {"cust":"ann","total":100.10} {"by":"x"}`, `OrderPaied 0 {"n":1e2} `)

		loaded, err := db.Load(ctx, firn.LoadQuery{Stream: "order-1", Fold: "f", Version: firn.FoldVersion{1}})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, "a load", loaded.Events, today...)
		if loaded.Version == (firn.FoldVersion{1}) {
			t.Error("what a fold sees has changed; its snapshots keep their version")
		}
		caught := messages(db.Subscribe(ctx, firn.Query{Stream: "order-1"}))
		wants(t, "a subscription", caught, today...)

		// The subscription of before goes on with what has that name today.
		appendAll(t, db, "order-2", firn.Draft{Type: "OrderPaied", Data: []byte(`{"n":2}`)})
		for {
			m, err, ok := next()
			if err != nil || !ok {
				t.Fatalf("the subscription of before: %v", err)
			}
			if m.Mark != nil {
				continue
			}
			if got := line(&m.Event); got != `OrderPaid 1 {"n":2} ` {
				t.Errorf("the subscription of before goes on with %s", got)
			}
			break
		}

		// Taken back, the old view is there again, and so is the old version.
		if _, err := db.Define(ctx, firn.UpcasterDefinition, "order-shape", nil, firn.At(1)); err != nil {
			t.Fatal(err)
		}
		wants(t, "taken back", db.Read(ctx, firn.Query{Stream: "order-1", Limit: 1}), `OrderPlaced 0 {"cust":"ann","total":100.10} {"by":"x"}`)
		versions, err := db.DefinitionVersions(ctx, firn.UpcasterDefinition, "order-shape")
		if err != nil || len(versions) != 2 || string(versions[0].Source) != orderShape || len(versions[1].Source) > 0 {
			t.Errorf("its versions are %+v, %v", versions, err)
		}
		then, err := db.Definitions(ctx, firn.UpcasterDefinition, firn.PositionPoint(defined.Position))
		if err != nil || len(then) != 1 {
			t.Errorf("as of its definition there are %+v, %v", then, err)
		}
	})
}

// TestSchemas holds appends against the schema of their type and version.
func TestSchemas(t *testing.T) {
	t.Parallel()
	eachShaped(t, func(t *testing.T, db shaped) {
		ctx := t.Context()
		source := `{"type":"OrderPaid","version":2,"category":"order","schema":{"type":"object","required":["amount"],"properties":{"amount":{"type":"number"}}}}`
		if _, err := db.Define(ctx, firn.SchemaDefinition, "paid-2", []byte(source), firn.None); err != nil {
			t.Fatal(err)
		}
		put := func(stream string, schema uint32, data string) error {
			_, err := db.Append(ctx, firn.To(stream, firn.Any, firn.Draft{Type: "OrderPaid", Schema: schema, Data: []byte(data)}))
			return err
		}
		if err := put("order-1", 2, `{"amount":"5"}`); !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), "/amount") {
			t.Errorf("data that does not fit: %v", err)
		}
		for _, fine := range []error{put("order-1", 2, `{"amount":5}`), put("order-1", 1, `{}`), put("cart-1", 2, `{}`)} {
			if fine != nil {
				t.Error(fine)
			}
		}
		for name, bad := range map[string]string{"no JSON": `{`, "no type": `{"version":1,"schema":{}}`, "no version": `{"type":"T","schema":{}}`, "another key": `{"type":"T","version":1,"schema":{},"x":1}`, "no schema": `{"type":"T","version":1,"schema":{"type":7}}`} {
			if _, err := db.Define(ctx, firn.SchemaDefinition, "bad", []byte(bad), firn.Any); !errors.Is(err, firn.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := db.Define(ctx, firn.SchemaDefinition, "again", []byte(source), firn.Any); !errors.Is(err, firn.ErrAlreadyExists) {
			t.Errorf("a second schema of one type and version: %v", err)
		}
	})
}

// TestDefinitionsThatDoNotHold are refused, and change nothing.
func TestDefinitionsThatDoNotHold(t *testing.T) {
	t.Parallel()
	eachShaped(t, func(t *testing.T, db shaped) {
		ctx := t.Context()
		if _, err := db.Define(ctx, firn.UpcasterDefinition, "order-shape", []byte(orderShape), firn.None); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			class  firn.DefinitionClass
			name   string
			source string
			expect firn.Expectation
			want   firn.Kind
		}{
			"a second step from one version": {firn.UpcasterDefinition, "other", strings.Replace(orderShape, "order-shape", "other", 1), firn.Any, firn.ErrInvalid},
			"another name":                   {firn.UpcasterDefinition, "other", orderShape, firn.Any, firn.ErrInvalid},
			"no YAML":                        {firn.UpcasterDefinition, "other", "steps: [", firn.Any, firn.ErrInvalid},
			"there already":                  {firn.UpcasterDefinition, "order-shape", orderShape, firn.None, firn.ErrAlreadyExists},
			"another version":                {firn.UpcasterDefinition, "order-shape", orderShape, firn.At(7), firn.ErrConflict},
			"ended, not there":               {firn.UpcasterDefinition, "other", "", firn.Any, firn.ErrNotFound},
			"a bad name":                     {firn.FoldDefinition, "a b", "fold: a b\n", firn.Any, firn.ErrInvalid},
			"a bad fold":                     {firn.FoldDefinition, "cart", "fold: cart\non: {A: '.items +='}\n", firn.Any, firn.ErrInvalid},
			"a bad class":                    {9, "cart", "fold: cart\n", firn.Any, firn.ErrInvalid},
		} {
			if _, err := db.Define(ctx, c.class, c.name, []byte(c.source), c.expect); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		all, err := db.Definitions(ctx, firn.UpcasterDefinition, firn.Point{})
		if err != nil || len(all) != 1 || all[0].Version != 1 {
			t.Errorf("defined are %+v, %v", all, err)
		}
	})
}

func appendAll(t *testing.T, db firn.Store, stream string, drafts ...firn.Draft) {
	t.Helper()
	if _, err := db.Append(t.Context(), firn.To(stream, firn.Any, drafts...)); err != nil {
		t.Fatal(err)
	}
}

func line(e *firn.Event) string {
	if e.Fault != nil {
		return fmt.Sprintf("%s %d %s fault", e.Type, e.Schema, e.Data)
	}
	return fmt.Sprintf("%s %d %s %s", e.Type, e.Schema, e.Data, e.Metadata)
}

func wants(t *testing.T, what string, events iter.Seq2[firn.Event, error], want ...string) {
	t.Helper()
	var got []string
	for e, err := range events {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got = append(got, line(&e))
		if e.Fault != nil && (!errors.Is(e.Fault, firn.ErrProgram) || !strings.Contains(e.Fault.Message, "order-shape")) {
			t.Errorf("%s: the fault is %+v", what, e.Fault)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s shows\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// messages yields the events of a subscription until it has caught up.
func messages(all iter.Seq2[firn.Message, error]) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		for m, err := range all {
			if m.Mark != nil && m.Mark.Kind == firn.CaughtUp {
				return
			}
			if m.Mark == nil && !yield(m.Event, err) {
				return
			}
		}
	}
}

// TestUpcastDeliveries: a group's consumers see today's shape, too, and a group
// that names types names today's.
func TestUpcastDeliveries(t *testing.T) {
	t.Parallel()
	db, err := server.Embed(t.TempDir(), server.EmbedOptions{CacheBytes: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	for _, g := range []firn.Group{{Name: "all", Category: "order", Unordered: true}, {Name: "paid", Category: "order", Types: []string{"OrderPaid"}}, {Name: "paied", Category: "order", Types: []string{"OrderPaied"}}} {
		if _, err := db.CreateGroup(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Define(ctx, firn.UpcasterDefinition, "order-shape", []byte(orderShape), firn.None); err != nil {
		t.Fatal(err)
	}
	appendAll(t, db, "order-1", firn.Draft{Type: "OrderPlaced", Data: []byte(`{"cust":"ann"}`)}, firn.Draft{Type: "OrderPlaced", Data: []byte(`[]`)})
	appendAll(t, db, "order-2", firn.Draft{Type: "OrderPaied", Data: []byte(`{"n":1}`)}, firn.Draft{Type: "OrderPaid", Data: []byte(`{"n":2}`)})
	delivered := func(name string, n int) (got []string) {
		consumer, err := db.Consume(ctx, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer consumer.Close()
		for d, err := range consumer.Deliveries(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if err := consumer.Settle(ctx, firn.Settlement{Token: d.Token, Outcome: firn.Ack}); err != nil {
				t.Fatal(err)
			}
			if got = append(got, line(&d.Event)); len(got) == n {
				break
			}
		}
		return got
	}
	for name, want := range map[string][]string{
		"all":  {`OrderPlaced 2 {"customer":"ann","currency":"EUR"} `, `OrderPlaced 0 [] fault`, `OrderPaid 1 {"n":1} `, `OrderPaid 0 {"n":2} `},
		"paid": {`OrderPaid 1 {"n":1} `, `OrderPaid 0 {"n":2} `},
	} {
		if got := delivered(name, len(want)); !slices.Equal(got, want) {
			t.Errorf("the group %s is delivered %q, want %q", name, got, want)
		}
	}
	info, err := db.GroupInfo(ctx, "paid")
	if err != nil || !slices.Equal(info.Group.Types, []string{"OrderPaid"}) {
		t.Errorf("the group shows itself as %+v, %v", info.Group, err)
	}
	// What is stored under a name that it has no more is passed by.
	consumer, err := db.Consume(ctx, "paied", 0)
	if err != nil {
		t.Fatal(err)
	}
	waited, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for d := range consumer.Deliveries(waited) {
			t.Errorf("the group of a name of before is delivered %s", line(&d.Event))
		}
	}()
	defer consumer.Close()
	head, _, err := db.Head(ctx, firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	if parked, err := db.WaitGroup(ctx, "paied", head); err != nil || parked != 0 {
		t.Errorf("waiting for the group of a name of before: %d parked, %v", parked, err)
	}
}

// TestDefinedAnswers: each of many who define at once is answered with the text
// that it gave.
func TestDefinedAnswers(t *testing.T) {
	t.Parallel()
	db := servertest.Start(t, 1).Dial()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 10 {
				name := fmt.Sprintf("s-%d-%d", i, j)
				source := fmt.Sprintf(`{"type":"T%d.%d","version":1,"schema":{"description":%q}}`, i, j, strings.Repeat(name, 20))
				defined, err := db.Define(t.Context(), firn.SchemaDefinition, name, []byte(source), firn.None)
				if err != nil || string(defined.Source) != source {
					t.Errorf("%s was answered with %.80q, %v", name, defined.Source, err)
				}
			}
		})
	}
	all.Wait()
}
