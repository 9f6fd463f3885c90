package upcaster_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

func apply(t testing.TB, r *upcaster.Registry, typ string, schema uint32, data string) (upcaster.Shape, error) {
	t.Helper()
	return r.For("order").Apply(t.Context(), upcaster.Shape{Type: typ, Schema: schema, ContentType: firn.JSON, Data: []byte(data)})
}

// do applies one step from version 1 to 2.
func do(t testing.TB, operations, data string) (string, error) {
	t.Helper()
	out, err := apply(t, registry(t, steps(t, "{type: T, from: 1, to: 2, "+operations+"}")), "T", 1, data)
	if err == nil && (out.Type != "T" || out.Schema != 2) {
		t.Errorf("%s: it became %s %d", operations, out.Type, out.Schema)
	}
	if err != nil && string(out.Data) != data {
		t.Errorf("%s: it failed, and the data became %s", operations, out.Data)
	}
	return string(out.Data), err
}

func TestOperations(t *testing.T) {
	for _, c := range []struct{ operations, data, want string }{
		{"rename: {/cust: /customer}", `{"a":100.10,"cust":{"id":12345678901234567890},"b":1e2}`, `{"a":100.10,"customer":{"id":12345678901234567890},"b":1e2}`},
		{"rename: {/cust: /customer}", `{"a":1}`, `{"a":1}`},
		{"rename: {/a/b: /a/c, /x: /y}", `{"x":null,"a":{"b":1.0}}`, `{"y":null,"a":{"c":1.0}}`},
		{"rename: {/a~1b: /c~0d}", `{"a/b":1}`, `{"c~d":1}`},
		{"rename: {/lines/0/n: /lines/0/count}", `{"lines":[{"n":1},{"n":2}]}`, `{"lines":[{"count":1},{"n":2}]}`},
		{"rename: {/ä: /ö}", `{"\u00e4":"\u00e4"}`, `{"ö":"\u00e4"}`},
		{"move: {/street: /address/street, /town: /address/town}", `{"street":"S 1","x":1,"town":"T"}`, `{"x":1,"address":{"street":"S 1","town":"T"}}`},
		{"move: {/first: /names/-, /last: /names/-}", `{"names":[],"last":"B","first":"A"}`, `{"names":["A","B"]}`},
		{"move: {/a/b: /b}", `{"a":{"b":[1.50]}}`, `{"a":{},"b":[1.50]}`},
		{"drop: [/a, /b/c, /none/x]", `{"a":1,"b":{"c":2,"d":3}}`, `{"b":{"d":3}}`},
		{"drop: [/l/0, /l/0]", `{"l":[1,2,3]}`, `{"l":[3]}`},
		{"default: {/currency: EUR, /n: 1.50, /o: {a: [~, true], '1': x}, /d: 2026-03-01}", `{}`,
			`{"currency":"EUR","n":1.50,"o":{"a":[null,true],"1":"x"},"d":"2026-03-01"}`},
		{"default: {/currency: EUR, /a: 1}", `{"currency":"USD","a":null}`, `{"currency":"USD","a":null}`},
		{"default: {/price/currency: EUR}", `{"price":{"amount":1}}`, `{"price":{"amount":1,"currency":"EUR"}}`},
		{"convert: {/a: number, /b: number}", `{"a":"100.10","b":7}`, `{"a":100.10,"b":7}`},
		{"convert: {/a: number}", `{"a":null}`, `{"a":null}`},
		{"jq: '.total = .a + .b'", `{"b":2,"a":1}`, `{"a":1,"b":2,"total":3}`},
		{"jq: '.x = 1'", `{"n":100.10,"i":12345678901234567890}`, `{"i":12345678901234567890,"n":100.10,"x":1}`},
		// In the order that the page gives, however it is written.
		{"jq: '.n += 1', default: {/n: 1}, convert: {/b: number}, drop: [/c], move: {/x: /b}, rename: {/c: /d}", `{"c":1,"x":"5"}`, `{"b":5,"d":1,"n":2}`},
		{"", `not JSON, and nobody looks`, `not JSON, and nobody looks`},
	} {
		if got, err := do(t, c.operations, c.data); err != nil || got != c.want {
			t.Errorf("%s on %s: got %s, %v; want %s", c.operations, c.data, got, err, c.want)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct{ operations, data, want string }{
		{"rename: {/cust: /customer}", `{"cust":1,"customer":2}`, "rename /cust: there is a value at /customer already"},
		{"rename: {/l/0: /l/5}", `{"l":[1]}`, "rename /l/0: it is an item of an array, which has no name"},
		{"move: {/a: /b/c}", `{"a":1,"b":"text"}`, `move /a: /b is a string, which can hold no "c"`},
		{"move: {/a: /b/7}", `{"a":1,"b":[1]}`, `move /a: /b is an array of 1 items and has no place "7"`},
		{"default: {/a: 1}", `[]`, `default /a: the whole is an array of 0 items and has no place "a"`},
		{"default: {/a/b: 1}", `{"a":null}`, `default /a/b: /a is null, which can hold no "b"`},
		{"convert: {/a: number}", `{"a":"12 EUR"}`, `convert /a: number: "12 EUR" is no number as JSON writes them`},
		{"convert: {/a: [number, {shift: 2}, integer]}", `{"a":"1.234"}`, `convert /a: integer: 123.4 is no whole number`},
		{"drop: [/a]", `{"a":`, "its data: not JSON: it ends too early, after 5 bytes"},
		{"drop: [/a]", ``, "its data: not JSON: it ends too early, after 0 bytes"},
	} {
		_, err := do(t, c.operations, c.data)
		want := `an event of type "T", schema version 1, could not be upcast: upcaster test, step T 1 to 2`
		if strings.HasPrefix(c.want, "its data") {
			want += ": " + c.want
		} else {
			want += ", " + c.want
		}
		var typed *upcaster.Error
		if err == nil || err.Error() != want || !errors.As(err, &typed) || !errors.Is(err, firn.ErrProgram) {
			t.Errorf("%s on %s:\ngot  %v\nwant %s", c.operations, c.data, err, want)
		}
	}
	for program, want := range map[string]string{
		".a / 0":            "divi",
		"def f: f; f":       "steps",
		"empty":             "no value",
		`error("no total")`: "no total",
		`"x" * 100000000`:   "",
	} {
		var typed *upcaster.Error
		_, err := do(t, "jq: '"+program+"'", `{"a":1}`)
		if !errors.As(err, &typed) || typed.Action != "jq" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", program, err)
		}
	}
}

func TestOtherContent(t *testing.T) {
	r := registry(t, steps(t, "{type: T, from: 1, to: 2, drop: [/a]}", "{type: P, from: 1, to: 2}", "{type: Q, from: 1, to: 1, renameType: P}"))
	for _, c := range []struct{ typ, contentType, want string }{
		{"T", "application/vnd.x+json; charset=utf-8", "T 2 {}"},
		{"T", "image/png", `T 1 {"a":1} its data is image/png, and the step changes JSON`},
		{"P", "image/png", `P 2 {"a":1}`},
		{"Q", "image/png", `P 2 {"a":1}`},
	} {
		out, err := r.For("").Apply(t.Context(), upcaster.Shape{Type: c.typ, Schema: 1, ContentType: c.contentType, Data: []byte(`{"a":1}`)})
		got := out.Type + " " + string('0'+rune(out.Schema)) + " " + string(out.Data)
		var typed *upcaster.Error
		if errors.As(err, &typed) {
			got += " " + typed.Reason
		}
		if got != c.want {
			t.Errorf("%s as %s: got %s, want %s", c.typ, c.contentType, got, c.want)
		}
	}
}

func TestChains(t *testing.T) {
	r := registry(t, steps(t,
		"{type: A, from: 1, to: 2, default: {/a: 1}}",
		"{type: A, from: 2, to: 2, renameType: B}",
		"{type: A, from: 3, to: 4, default: {/late: 1}}",
		"{type: B, from: 2, to: 3, default: {/b: 2}}",
		"{type: C, from: 3, to: 4, default: {/c: 3}}"))
	for _, c := range []struct {
		typ    string
		schema uint32
		want   string
	}{
		{"A", 0, `B 3 {"a":1,"b":2}`},
		{"A", 1, `B 3 {"a":1,"b":2}`},
		{"A", 2, `B 3 {"b":2}`},
		{"A", 3, `A 4 {"late":1}`},
		{"A", 4, `A 4 {}`},
		{"A", 9, `A 9 {}`},
		{"B", 3, `B 3 {}`},
		{"C", 0, `C 0 {} no step begins at this version; the first one begins at version 3`},
		{"B", 1, `B 1 {} no step begins at this version; the first one begins at version 2`},
		{"D", 0, `D 0 {}`},
	} {
		out, err := apply(t, r, c.typ, c.schema, `{}`)
		got := out.Type + " " + string('0'+rune(out.Schema)) + " " + string(out.Data)
		var typed *upcaster.Error
		if errors.As(err, &typed) {
			got += " " + typed.Reason
		}
		if got != c.want {
			t.Errorf("%s %d: got %s, want %s", c.typ, c.schema, got, c.want)
		}
	}
}

// Data may grow up to the limit of an event, and not over it.
func TestGrowth(t *testing.T) {
	big := `{"x":"` + strings.Repeat("x", firn.EventBytesMax-20) + `"}`
	if _, err := do(t, "default: {/a: 1}", big); err != nil {
		t.Error(err)
	}
	if _, err := do(t, "default: {/a: more than twenty bytes}", big); err == nil || !strings.Contains(err.Error(), "its data would have 4194321 bytes; at most 4194304 are allowed") {
		t.Errorf("got %.300v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := registry(t, steps(t, "{type: T, from: 1, to: 2, jq: '.a'}"))
	_, err := r.For("").Apply(ctx, upcaster.Shape{Type: "T", ContentType: firn.JSON, Data: []byte(`{}`)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
