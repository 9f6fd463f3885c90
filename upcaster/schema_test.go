package upcaster_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

const orderSchema = `{
	"type": "object",
	"required": ["customer", "total"],
	"properties": {
		"customer": {"type": "string", "minLength": 1},
		"total": {"type": "number", "exclusiveMinimum": 0},
		"placed": {"type": "string", "format": "date-time"},
		"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}
	},
	"additionalProperties": false,
	"$defs": {"line": {"type": "object", "properties": {"n/a": {"type": "integer"}}}}
}`

func TestSchema(t *testing.T) {
	s, err := upcaster.NewSchema([]byte(orderSchema))
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "the data does not fit the schema of its type and version: "
	for _, c := range []struct{ contentType, data, want string }{
		{"", `{"customer":"c","total":100.10,"placed":"2026-03-01T14:32:07Z","lines":[{"n/a":12345678901234567890}]}`, ""},
		{"application/json; charset=utf-8", `{"customer":"c","total":1e-5}`, ""},
		{"", `{"customer":"c"}`, prefix + "the whole: missing property 'total'"},
		{"", `{"customer":"","total":0,"placed":"today","lines":[{},{"n/a":1.5}],"x":1}`, prefix + "/customer: minLength: got 0, want 1; /lines/1/n~1a: got number, want integer; " +
			"/placed: 'today' is not valid date-time: less than 20 characters long; /total: exclusiveMinimum: got 0, want 0; the whole: additional properties 'x' not allowed"},
		{"", `[]`, prefix + "the whole: got array, want object"},
		{"", `{`, "the data: not JSON: it ends too early, after 1 bytes"},
		{"image/png", `{}`, "the data is image/png; the schema of its type and version wants JSON"},
		{"", `{"customer":"c","total":1e999999999}`, "the data: the number 1e999999999: the number has more digits than a conversion takes"},
		{"", `{"lines":[` + strings.Repeat("1,", 50_000) + `1]}`, "the data: it has more than 50000 values; a schema looks at no more"},
	} {
		if got := errorText(s.Validate(c.contentType, []byte(c.data))); got != c.want {
			t.Errorf("%.80s:\ngot  %s\nwant %s", c.data, got, c.want)
		}
	}
	many := `{"customer":"c","total":1,"lines":[` + strings.Repeat("1,", 999) + `1]}`
	if got := errorText(s.Validate("", []byte(many))); strings.Count(got, "want object") != 5 || !strings.HasSuffix(got, "; and 995 more") {
		t.Errorf("many faults: %s", got)
	}
}

func TestSchemasRefused(t *testing.T) {
	patterns := ""
	for i := range 200 {
		patterns += fmt.Sprintf(`"p%d": {"pattern": "(a|b|c){1000}"},`, i)
	}
	for text, want := range map[string]string{
		`{`:                            "the schema: not JSON: it ends too early, after 1 bytes",
		`{"type": "strin"}`:            "/type: value must be one of",
		`{"type": 7, "minLength": -1}`: "the schema: /minLength: minimum",
		`7`:                            "the schema: the whole: got number, want boolean or object",
		`{"$ref": "https://example.org/order.json"}`:                     "nothing is loaded; put what it refers to into the schema's own $defs",
		`{"$ref": "file:///etc/passwd"}`:                                 "nothing is loaded; put what it refers to into the schema's own $defs",
		`{"$schema": "https://example.org/draft"}`:                       "nothing is loaded",
		`{"$ref": "#/$defs/none"}`:                                       "the schema: ",
		`{"$dynamicRef": "#a"}`:                                          "the schema: $dynamicRef is not taken; use $ref",
		`{"pattern": "("}`:                                               "the schema: /pattern: ",
		`{"pattern": "` + strings.Repeat("a", 1001) + `"}`:               "the regular expression has 1001 bytes; at most 1000 are allowed",
		`{"properties": {` + patterns + `"x": {}}}`:                      "the regular expressions of the schema are too large together",
		`{"minimum": 1e999999999}`:                                       "the number 1e999999999",
		strings.Repeat(`{"not":`, 200) + `{}` + strings.Repeat(`}`, 200): "nested deeper than 128",
	} {
		_, err := upcaster.NewSchema([]byte(text))
		if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s:\ngot  %v\nwant … %s …", text, err, want)
		}
	}
	if _, err := upcaster.NewSchema(make([]byte, upcaster.SchemaBytesMax+1)); !errors.Is(err, firn.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// A schema that visits the same value without end is ended, and one that is
// ended serves the next event.
func TestSchemaIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"doubling": `{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}}`,
		"not":      `{"type":"object","properties":{"a":{"not":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}}}`,
		"draft 7":  `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"a":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}}`,
		"flat":     doublingRefs(40),
	} {
		s, err := upcaster.NewSchema([]byte(text))
		if err != nil {
			t.Fatal(name, err)
		}
		deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
		if err := s.Validate("", []byte(deep)); !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), "values too often") {
			t.Errorf("%s: %.300v", name, err)
		}
		if name != "flat" {
			if err := s.Validate("", []byte(`{}`)); err != nil {
				t.Errorf("%s: afterwards: %v", name, err)
			}
		}
	}
	circle, err := upcaster.NewSchema([]byte(`{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}`))
	if err == nil {
		err = circle.Validate("", []byte(`{}`))
	}
	if !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("a circle of references: %v", err)
	}
}

// doublingRefs is a schema that looks 2^n times at one value.
func doublingRefs(n int) string {
	defs := ""
	for i := range n {
		defs += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	return fmt.Sprintf(`{"$ref":"#/$defs/d0","$defs":{%s"d%d":{}}}`, defs, n)
}

func TestSchemaByManyGoroutines(t *testing.T) {
	s, err := upcaster.NewSchema([]byte(orderSchema))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				good := s.Validate("", []byte(`{"customer":"c","total":1}`))
				bad := s.Validate("", []byte(`{"customer":"c"}`))
				if good != nil || bad == nil {
					t.Error(i, good, bad)
				}
			}
		})
	}
	wg.Wait()
}
