package upcaster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firndb/firn/internal/rawjson"
	"github.com/firndb/firn/internal/strictyaml"
)

// conversion turns one value into another kind of value, exactly or not at all.
// A value that is of the wanted kind already is left as it is, so that a
// conversion may be done twice; so is null.
type conversion struct {
	name  string
	shift int                      // shift
	words map[string]rawjson.Value // map
	text  string                   // map: as written, for the hash
}

var conversions = map[string]func(*rawjson.Value) error{
	"number":          toNumber,
	"integer":         toInteger,
	"string":          toString,
	"boolean":         toBoolean,
	"array":           toArray,
	"json":            fromText,
	"seconds-to-time": func(v *rawjson.Value) error { return toTime(v, 0) },
	"millis-to-time":  func(v *rawjson.Value) error { return toTime(v, 3) },
	"micros-to-time":  func(v *rawjson.Value) error { return toTime(v, 6) },
	"time-to-seconds": func(v *rawjson.Value) error { return fromTime(v, 0) },
	"time-to-millis":  func(v *rawjson.Value) error { return fromTime(v, 3) },
	"time-to-micros":  func(v *rawjson.Value) error { return fromTime(v, 6) },
}

const conversionNames = "number, integer, string, boolean, array, json, {map: …}, {shift: N}, " +
	"seconds-to-time, millis-to-time, micros-to-time, time-to-seconds, time-to-millis or time-to-micros"

func (c *conversion) String() string {
	switch c.name {
	case "shift":
		return fmt.Sprintf("shift %d", c.shift)
	case "map":
		return "map " + c.text
	}
	return c.name
}

func (c *conversion) apply(v *rawjson.Value) error {
	switch c.name {
	case "shift":
		return shift(v, c.shift)
	case "map":
		return c.translate(v)
	}
	return conversions[c.name](v)
}

// conversions reads the conversions of one path: one, or a list of them.
func (r *reader) conversions(n *yaml.Node, list bool) []conversion {
	switch {
	case list && n.Kind == yaml.SequenceNode:
		var all []conversion
		for _, item := range r.Items(n, "a list of conversions") {
			all = append(all, r.conversions(item, false)...)
		}
		return all
	case n.Kind == yaml.MappingNode:
		return r.conversionWithValue(n)
	}
	name, ok := r.Text(n, "a conversion")
	if !ok {
		return nil
	}
	if conversions[name] == nil {
		r.Fault(n, "unknown conversion %q; there are %s", clip(name), conversionNames)
		return nil
	}
	return []conversion{{name: name}}
}

func (r *reader) conversionWithValue(n *yaml.Node) []conversion {
	entries := r.Entries(n, "a conversion")
	if len(entries) != 1 || entries[0].Key != "map" && entries[0].Key != "shift" {
		r.Fault(n, "a conversion is one of %s", conversionNames)
		return nil
	}
	e := entries[0]
	if e.Key == "shift" {
		by, err := strconv.Atoi(e.Value.Value)
		if err != nil || by == 0 || by < -shiftMax || by > shiftMax {
			r.Fault(e.Value, "shift moves the decimal point by -%d to %d places and not by 0; not by %s", shiftMax, shiftMax, strictyaml.Words(e.Value))
			return nil
		}
		return []conversion{{name: "shift", shift: by}}
	}
	c := conversion{name: "map", words: map[string]rawjson.Value{}}
	for _, word := range r.Entries(e.Value, "map") {
		if v, ok := r.json(word.Value); ok {
			c.words[word.Key] = v
		}
	}
	whole, ok := r.json(e.Value)
	if c.text = string(whole.Bytes()); ok && len(c.words) == 0 {
		r.Fault(e.Value, "map says nothing; give each value and what becomes of it")
	}
	return []conversion{c}
}

// translate replaces a value by what the map says of it.
func (c *conversion) translate(v *rawjson.Value) error {
	word := v.Text()
	switch v.Kind() {
	case rawjson.String:
	case rawjson.Number, rawjson.Bool:
		word = string(v.Bytes())
	default:
		return fmt.Errorf("it is %v; map takes strings, numbers and booleans", v.Kind())
	}
	to, ok := c.words[word]
	if !ok {
		return fmt.Errorf("%s is not in the map", shown(v))
	}
	*v = to
	return nil
}

func toNumber(v *rawjson.Value) error {
	switch v.Kind() {
	case rawjson.Number:
		return nil
	case rawjson.String:
		n, err := numberOf(v.Text())
		if err != nil {
			return fmt.Errorf("%s %w", shown(v), err)
		}
		*v = n
		return nil
	}
	return wrongKind(v, "a string or a number")
}

func toInteger(v *rawjson.Value) error {
	if err := toNumber(v); err != nil {
		return err
	}
	raw := v.Bytes()
	if !strings.ContainsAny(string(raw), ".eE") {
		return nil
	}
	d, err := decimalOf(string(raw))
	if err != nil {
		return err
	}
	if d = d.trimmed(); d.exponent < 0 {
		return fmt.Errorf("%s is no whole number", shown(v))
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	*v = rawjson.Literal(text)
	return nil
}

func toString(v *rawjson.Value) error {
	switch v.Kind() {
	case rawjson.String:
		return nil
	case rawjson.Number, rawjson.Bool:
		*v = rawjson.Text(string(v.Bytes()))
		return nil
	}
	return wrongKind(v, "a number, a boolean or a string")
}

func toBoolean(v *rawjson.Value) error {
	switch v.Kind() {
	case rawjson.Bool:
		return nil
	case rawjson.String:
		if text := v.Text(); text == "true" || text == "false" {
			*v = rawjson.Truth(text == "true")
			return nil
		}
		return fmt.Errorf(`%s is neither "true" nor "false"; map says what other words mean`, shown(v))
	}
	return wrongKind(v, "a string or a boolean")
}

// toArray puts a value that is no array into one.
func toArray(v *rawjson.Value) error {
	if v.Kind() == rawjson.Array {
		return nil
	}
	array := rawjson.EmptyArray()
	array.InsertItem(0, *v)
	*v = array
	return nil
}

// fromText takes the JSON out of a string that holds some.
func fromText(v *rawjson.Value) error {
	if v.Kind() != rawjson.String {
		return nil
	}
	inner, err := rawjson.Parse([]byte(v.Text()), dataBytesMax)
	if err != nil {
		return fmt.Errorf("the text within the string: %w", err)
	}
	*v = inner
	return nil
}

func shift(v *rawjson.Value, by int) error {
	if v.Kind() != rawjson.Number {
		return wrongKind(v, "a number")
	}
	d, err := decimalOf(string(v.Bytes()))
	if err != nil {
		return err
	}
	d.exponent += by
	text, err := d.text()
	if err != nil {
		return err
	}
	*v = rawjson.Literal(text)
	return nil
}

func wrongKind(v *rawjson.Value, wanted string) error {
	return fmt.Errorf("it is %v (%s), not %s", v.Kind(), shown(v), wanted)
}

// shown is a value as messages show it.
func shown(v *rawjson.Value) string { return clip(string(v.Bytes())) }

var errDigits = errors.New("the number has more digits than a conversion takes")
