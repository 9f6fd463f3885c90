package upcaster_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

const orders = `
upcaster: order-shape
category: order
steps:
  - {type: OrderPlaced, from: 1, to: 2, rename: {/cust: /customer}, default: {/currency: EUR}}
  - {type: OrderPlaced, from: 2, to: 3, jq: '.total = (.total|tonumber)'}
  - {type: OrderPaied, from: 1, to: 1, renameType: OrderPaid}
`

func mustParse(t testing.TB, text string) *upcaster.Definition {
	t.Helper()
	d, err := upcaster.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return d
}

// steps is a definition of these steps, for every category.
func steps(t testing.TB, lines ...string) *upcaster.Definition {
	t.Helper()
	return mustParse(t, "upcaster: test\nsteps:\n  - "+strings.Join(lines, "\n  - ")+"\n")
}

func registry(t testing.TB, d ...*upcaster.Definition) *upcaster.Registry {
	t.Helper()
	r, err := upcaster.NewRegistry(d...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParse(t *testing.T) {
	d := mustParse(t, orders)
	if d.Name != "order-shape" || d.Category != "order" || d.Steps() != 3 {
		t.Errorf("got %+v with %d steps", d, d.Steps())
	}
}

func TestRefused(t *testing.T) {
	step := func(s string) string { return "upcaster: u\nsteps:\n  - " + s }
	for text, want := range map[string]string{
		``:                       "the definition is empty",
		`# nothing`:              "the definition is empty",
		"a: [":                   "the definition is not YAML: line 1: did not find expected node content",
		"- a":                    "line 1: the definition is a mapping (key: value), not a list\nline 1: upcaster: \"\": a name has 1 to 128 letters, digits, '.', '_' or '-'\nline 1: steps are missing",
		"upcaster: u":            "line 1: steps are missing",
		"upcaster: u\nsteps: []": "line 2: there is no step",
		"upcaster: u\nsteps: 7":  "line 2: steps is a list, not \"7\"\nline 2: there is no step",
		"upcaster: u x\nsteps: [{type: T, from: 1, to: 2}]":              "line 1: upcaster: \"u x\": a name has 1 to 128 letters, digits, '.', '_' or '-'",
		"upcaster: u\nupcaster: v\nsteps: [{type: T, from: 1, to: 2}]":   `line 2: "upcaster" stands twice in the definition, first in line 1`,
		"upcaster: u\ncategory: a-b\nsteps: [{type: T, from: 1, to: 2}]": `line 2: the category "a-b" contains '-'; a category is the part of a stream's name before the first '-'`,
		"upcaster: u\ncategory: $$a\nsteps: [{type: T, from: 1, to: 2}]": `line 2: the category "$$a" is the system's; its events are not upcast`,
		"upcaster: u\nsteps: [{type: T, from: 1, to: 2}]\nversion: 3":    `line 3: unknown key "version"; a definition has upcaster, category and steps`,
		"upcaster: u\nsteps: [{type: T, from: 1, to: 2}]\n---\na: 1":     "line 3: a second document begins; one file defines one upcaster",
		"upcaster: u\nsteps: [{type: T, from: 1, to: 2}]\n---\n[":        "the definition is not YAML: line 4: did not find expected node content",
		"upcaster: &a u\nsteps: [{type: *a, from: 1, to: 2}]": "line 1: anchors and aliases (& and *) are not taken; write it out\nline 1: upcaster: \"\": a name has 1 to 128 letters, digits, '.', '_' or '-'\n" +
			"line 2: anchors and aliases (& and *) are not taken; write it out",
		step("{}"):                          "line 3: the step has no type\nline 3: the step has no from\nline 3: the step has no to",
		step("[]"):                          "line 3: a step is a mapping (key: value), not a list",
		step("{type: T, from: 0, to: 1}"):   "line 3: from is 0; events without a schema version count as version 1, so write 1",
		step("{type: T, from: 1.5, to: x}"): "line 3: from is a schema version, a whole number from 1 to 2147483647, not \"1.5\"\nline 3: to is a schema version, a whole number from 1 to 2147483647, not \"x\"",
		step("{type: T, from: 1, to: 2, kind: rename}"):                                 `line 3: unknown key "kind"; a step has type, from, to, renameType, rename, move, drop, convert, default, jq`,
		step("{type: '', from: 1, to: 2}"):                                              "line 3: type: a type has 1 to 255 bytes",
		step("{type: T, from: 2, to: 2}"):                                               "line 3: T 2 to 2: it does not lead to another version; only a step that renames the type may stay at its version",
		step("{type: T, from: 2, to: 1}"):                                               "line 3: T 2 to 1: it leads back to an older version",
		step("{type: T, from: 2, to: 1, renameType: U}"):                                "line 3: T 2 to U 1: it leads back to an older version",
		step("{type: T, from: 1, to: 3}"):                                               "line 3: T 1 to 3: it leaves versions out; a step leads to the next version, so that none of the events between is forgotten",
		step("{type: T, from: 1, to: 1, renameType: T}"):                                "line 3: T 1 to T 1: renameType gives the type the name that it has",
		step("{type: T, from: 1, to: 2}\n  - {type: T, from: 1, to: 2}"):                `line 4: two steps begin at version 1 of "T"`,
		step("{type: T, from: 1, to: 2}\n  - {type: T, from: 3, to: 4}"):                `line 4: a gap: no step leads from version 2 of "T" to version 3, where T 3 to 4 begins`,
		step("{type: T, from: 1, to: 1, renameType: U}\n  - {type: U, from: 2, to: 3}"): `line 3: a gap: T 1 to U 1 leads to version 1 of "U", whose first step begins at version 2`,
		step("{type: A, from: 1, to: 1, renameType: B}\n  - {type: B, from: 1, to: 1, renameType: C}\n  - {type: C, from: 1, to: 1, renameType: A}"): `line 3: a circle of renamed types: "A", "B", "C", and back to "A"`,
		step("{type: T, from: 1, to: 2, rename: {a: /b}}"):          `line 3: "a" is no JSON Pointer: it must begin with '/', as in /customer/name`,
		step("{type: T, from: 1, to: 2, rename: {/a: /b/c}}"):       "line 3: rename leads from /a to /b/c, which is another place; rename changes the last name of a path, move its place",
		step("{type: T, from: 1, to: 2, rename: {/a: /b, /b: /a}}"): "line 3: T 1 to 2: the paths /b and /b of rename and move overlap; make two steps of it",
		step("{type: T, from: 1, to: 2, move: {/a: /a/b}}"):         "line 3: T 1 to 2: the paths /a and /a/b of rename and move overlap; make two steps of it",
		step(`{type: T, from: 1, to: 2, move: {"": /a}}`):           `line 3: the path "" is the whole of the data; name a part of it, as in /customer`,
		step("{type: T, from: 1, to: 2, drop: /a}"):                 `line 3: drop is a list, not "/a"`,
		step("{type: T, from: 1, to: 2, drop: [/a, /~]}"):           `line 3: "/~" is no JSON Pointer: '~' is written ~0, and '/' within a name ~1`,
		step("{type: T, from: 1, to: 2, default: {/a: 0x10, /b: .inf, /c: 1_000}}"): `line 3: "0x10" is a number, but not one that JSON can write; put it in quotes if it is text` + "\n" +
			`line 3: ".inf" is a number, but not one that JSON can write; put it in quotes if it is text` + "\n" +
			`line 3: "1_000" is a number, but not one that JSON can write; put it in quotes if it is text`,
		step("{type: T, from: 1, to: 2, default: {/a: !!binary aGk=}}"): "line 3: the tag !!binary is not taken",
		step("{type: T, from: 1, to: 2, default: {/a: {b: 1, b: 2}}}"):  `line 3: "b" stands twice in the value, first in line 3`,
		step("{type: T, from: 1, to: 2, convert: {/a: float}}"):         `line 3: unknown conversion "float"; there are number, integer, string, boolean, array, json, {map: …}, {shift: N}, seconds-to-time, millis-to-time, micros-to-time, time-to-seconds, time-to-millis or time-to-micros`,
		step("{type: T, from: 1, to: 2, convert: {/a: {shift: 0}}}"):    `line 3: shift moves the decimal point by -100 to 100 places and not by 0; not by "0"`,
		step("{type: T, from: 1, to: 2, convert: {/a: {map: {}}}}"):     "line 3: map says nothing; give each value and what becomes of it",
		step("{type: T, from: 1, to: 2, jq: [1]}"):                      "line 3: jq is text, not a list",
	} {
		_, err := upcaster.Parse([]byte(text))
		if err == nil || err.Error() != want || !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	for text, want := range map[string]string{ // the words are those of jq
		step("{type: T, from: 1, to: 2, jq: '.a = ('}"): "line 3: the jq expression `.a = (`",
		step("{type: T, from: 1, to: 2, jq: 'now'}"):    "line 3: the jq expression `now`",
		step("{type: T, from: 1, to: 2, jq: '$event'}"): "line 3: the jq expression `$event`",
	} {
		if _, err := upcaster.Parse([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s …", text, err, want)
		}
	}
}

// Faults are named together, and not without end.
func TestManyFaults(t *testing.T) {
	text := "upcaster: u\nsteps:\n"
	for range 30 {
		text += "  - {type: T, from: 0, to: 1}\n"
	}
	_, err := upcaster.Parse([]byte(text))
	if err == nil || strings.Count(err.Error(), "from is 0") != 20 || !strings.HasSuffix(err.Error(), "\nand 10 more") {
		t.Errorf("got %v", err)
	}
}

func TestHostileYAML(t *testing.T) {
	for name, text := range map[string]string{
		"too large": "upcaster: " + strings.Repeat("x", upcaster.DefinitionBytesMax),
		"deep":      "upcaster: " + strings.Repeat("[", 100_000),
		"deep value": "upcaster: u\nsteps: [{type: T, from: 1, to: 2, default: {/a: " +
			strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}}]",
		"laughs": "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nupcaster: *c\nsteps: *c",
		"merge":  "x: &x {a: 1}\nsteps: [{<<: *x, type: T}]\nupcaster: u",
		"steps":  "upcaster: u\nsteps: [" + strings.Repeat("{type: T}, ", upcaster.StepsMax+1) + "]",
	} {
		_, err := upcaster.Parse([]byte(text))
		if !errors.Is(err, firn.ErrInvalid) && !errors.Is(err, firn.ErrTooLarge) || len(fmt.Sprint(err)) > 10_000 {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(orders))
	f.Add([]byte("upcaster: u\nsteps: [{type: T, from: 1, to: 1, renameType: U, drop: [/a/0], convert: {/b: [number, {shift: 2}, {map: {x: [1, ~]}}]}}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := upcaster.Parse(text)
		if err != nil {
			if !errors.Is(err, firn.ErrInvalid) && !errors.Is(err, firn.ErrTooLarge) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		r, err := upcaster.NewRegistry(d)
		if err != nil {
			t.Fatalf("%q was taken by Parse, and refused then: %v", text, err)
		}
		again, err := upcaster.Parse(text)
		if err != nil || registry(t, again).For(d.Category).Hash() != r.For(d.Category).Hash() {
			t.Fatalf("%q has two hashes: %v", text, err)
		}
	})
}
