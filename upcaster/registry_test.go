package upcaster_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

func TestCategories(t *testing.T) {
	order := mustParse(t, "upcaster: a\ncategory: order\nsteps: [{type: T, from: 2, to: 3, default: {/order: 1}}]")
	all := mustParse(t, "upcaster: b\nsteps: [{type: T, from: 1, to: 2, default: {/all: 1}}]")
	r := registry(t, order, all)
	for _, c := range []struct{ stream, want string }{
		{"order-1", `T 3 {"all":1,"order":1}`},
		{"cart-1", `T 2 {"all":1}`},
		{"alone", `T 2 {"all":1}`},
		{"$order-1", `T 0 {}`},
		{"$$order-1", `T 0 {}`},
	} {
		e := firn.Event{Stream: c.stream, Type: "T", ContentType: firn.JSON, Data: []byte(`{}`)}
		changed, err := r.Upcast(t.Context(), &e)
		got := e.Type + " " + string('0'+rune(e.Schema)) + " " + string(e.Data)
		if err != nil || got != c.want || changed != (e.Schema > 0) {
			t.Errorf("%s: got %s (%v, %v), want %s", c.stream, got, changed, err, c.want)
		}
		if rules := r.For(firn.Category(c.stream)); rules.Applies("T", 0) != changed || rules.Applies("T", 3) || rules.Applies("X", 1) {
			t.Errorf("%s: Applies is wrong", c.stream)
		}
	}
}

// A failing upcaster leaves the event as it was.
func TestUpcastFails(t *testing.T) {
	r := registry(t, steps(t, "{type: T, from: 1, to: 2, default: {/a: 1}}", "{type: T, from: 2, to: 2, renameType: U, convert: {/n: number}}"))
	e := firn.Event{Stream: "s-1", Type: "T", Schema: 1, ContentType: firn.JSON, Data: []byte(`{"n":"x"}`)}
	changed, err := r.Upcast(t.Context(), &e)
	typed, ok := err.(*upcaster.Error)
	if !ok || changed || e.Type != "T" || e.Schema != 1 || string(e.Data) != `{"n":"x"}` {
		t.Fatalf("%v, %v, %+v", changed, err, e)
	}
	if want := (upcaster.Error{Upcaster: "test", Type: "T", Schema: 1, Step: "T 2 to U 2", Action: "convert", Path: "/n",
		Reason: `number: "x" is no number as JSON writes them`}); *typed != want {
		t.Errorf("got %+v, want %+v", *typed, want)
	}
	if typed.Err().Kind != firn.ErrProgram {
		t.Errorf("kind %v", typed.Err().Kind)
	}
}

func TestDefinitionsThatDoNotFit(t *testing.T) {
	parse := func(name, category, step string) *upcaster.Definition {
		return mustParse(t, "upcaster: "+name+"\n"+category+"\nsteps: ["+step+"]")
	}
	for _, c := range []struct {
		list []*upcaster.Definition
		want string
	}{
		{[]*upcaster.Definition{parse("a", "", "{type: T, from: 1, to: 2}"), parse("b", "category: order", "{type: T, from: 1, to: 2}")},
			`b: two steps begin at version 1 of "T" (of the upcasters a and b)`},
		{[]*upcaster.Definition{parse("a", "category: order", "{type: T, from: 1, to: 2}"), parse("b", "category: cart", "{type: T, from: 1, to: 2}")}, ""},
		{[]*upcaster.Definition{parse("a", "", "{type: T, from: 1, to: 2}"), parse("b", "", "{type: T, from: 3, to: 4}")},
			`b: a gap: no step leads from version 2 of "T" to version 3, where T 3 to 4 begins`},
		{[]*upcaster.Definition{parse("a", "", "{type: T, from: 1, to: 1, renameType: U}"), parse("b", "category: order", "{type: U, from: 1, to: 1, renameType: T}")},
			`a: a circle of renamed types: "T", "U", and back to "T"`},
	} {
		_, err := upcaster.NewRegistry(c.list...)
		if got := errorText(err); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestHash(t *testing.T) {
	hash := func(category string, texts ...string) []byte {
		var list []*upcaster.Definition
		for _, text := range texts {
			list = append(list, mustParse(t, text))
		}
		h := registry(t, list...).For(category).Hash()
		return h[:]
	}
	a := "upcaster: a\ncategory: order\nsteps: [{type: T, from: 1, to: 2, default: {/a: 1}}]"
	same := "# a comment\ncategory: order\nupcaster: other\nsteps:\n- default:\n    /a: 1\n  to: 2\n  from: 1\n  type: T\n"
	all := "upcaster: a\nsteps: [{type: T, from: 1, to: 2, default: {/a: 1}}]"
	if !bytes.Equal(hash("order", a), hash("order", same)) || !bytes.Equal(hash("order", a), hash("order", all)) {
		t.Error("the hash hangs on how it is written")
	}
	if !bytes.Equal(hash("cart", a), hash("cart")) || bytes.Equal(hash("order", a), hash("order")) {
		t.Error("the hash is not of the category's rules")
	}
	for _, other := range []string{
		"{type: T, from: 1, to: 2, default: {/a: 1.0}}", "{type: T, from: 1, to: 2, default: {/b: 1}}", "{type: U, from: 1, to: 2, default: {/a: 1}}",
		"{type: T, from: 2, to: 3, default: {/a: 1}}", "{type: T, from: 1, to: 2}", "{type: T, from: 1, to: 2, renameType: U, default: {/a: 1}}",
		"{type: T, from: 1, to: 2, jq: '.a = 1'}", "{type: T, from: 1, to: 2, jq: '.a = 2'}", "{type: T, from: 1, to: 2, drop: [/a]}",
		"{type: T, from: 1, to: 2, rename: {/a: /b}}", "{type: T, from: 1, to: 2, move: {/a: /b}}",
		"{type: T, from: 1, to: 2, convert: {/a: number}}", "{type: T, from: 1, to: 2, convert: {/a: {shift: 2}}}",
		"{type: T, from: 1, to: 2, convert: {/a: {shift: 3}}}", "{type: T, from: 1, to: 2, convert: {/a: {map: {x: y}}}}",
	} {
		if bytes.Equal(hash("order", a), hash("order", "upcaster: a\nsteps: ["+other+"]")) {
			t.Errorf("%s has the hash of another", other)
		}
	}
}

func TestStoredTypes(t *testing.T) {
	order := mustParse(t, "upcaster: a\ncategory: order\nsteps: [{type: Paied, from: 1, to: 1, renameType: Payed}, {type: Payed, from: 1, to: 1, renameType: Paid}]")
	all := mustParse(t, "upcaster: b\nsteps: [{type: Old, from: 1, to: 2}, {type: Old, from: 2, to: 2, renameType: Paid}]")
	r := registry(t, order, all)
	for _, c := range []struct {
		got  []string
		want string
	}{
		{r.StoredTypes([]string{"Paid"}, nil), "Old Paied Payed"},
		{r.For("order").StoredTypes([]string{"Paid", "Old"}, nil), "Paied Payed"},
		{r.For("cart").StoredTypes([]string{"Paid"}, nil), "Old"},
		{r.StoredTypes(nil, []string{"Pa"}), "Old"},
		{r.StoredTypes(nil, []string{"Pai"}), "Old Payed"},
		{r.StoredTypes([]string{"Payed", "Other"}, nil), ""},
		{r.StoredTypes(nil, nil), ""},
	} {
		if got := strings.Join(c.got, " "); got != c.want || !slices.IsSorted(c.got) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestNothingAllocatedWhereNothingApplies(t *testing.T) {
	with := registry(t, mustParse(t, orders))
	for name, r := range map[string]*upcaster.Registry{"none": registry(t), "some": with} {
		for _, e := range []firn.Event{
			{Stream: "cart-1", Type: "OrderPlaced", Schema: 1}, {Stream: "order-1", Type: "Shipped"}, {Stream: "order-1", Type: "OrderPlaced", Schema: 3}, {Stream: "$$order-1", Type: "OrderPlaced"},
		} {
			if n := testing.AllocsPerRun(100, func() {
				if changed, err := r.Upcast(t.Context(), &e); changed || err != nil {
					t.Error(changed, err)
				}
			}); n > 0 {
				t.Errorf("%s: %s in %s: %v allocations", name, e.Type, e.Stream, n)
			}
		}
	}
}
