// Package rawjson holds JSON as a tree whose leaves keep their bytes: 100.10
// stays 100.10, an integer of 20 digits stays whole, members stay in their order.
//
// [Parse] checks a text once and opens nothing. An object or array is opened when
// somebody asks for what is in it, and what nobody opens stays one slice of the
// text, which is copied whole when the tree is written: changing one member of an
// event costs little more than reading it over.
//
// Where a name stands twice in an object, the last one counts, in the place of
// the first, as soon as the object is opened.
//
// A tree belongs to one goroutine. It points into the text that it was parsed
// from, which nobody may change as long as the tree is used.
package rawjson

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/firndb/firn/internal/jsonline"
)

// Kind is what sort of value it is.
type Kind uint8

// The kinds of values. The zero Value has the kind None: there is no value.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}

func (k Kind) String() string { return kindNames[k] }

// Value is a JSON value. Copying one that was opened makes two names for one
// value; see [Value.Closed] for a copy of its own.
type Value struct {
	raw  []byte     // compact; nil where open is set
	open *container // an object or array that somebody has looked into
}

type container struct {
	object  bool
	members []member         // object: in order; a member that was removed has no value
	holes   int              // object: how many were removed
	index   map[string]int32 // object: places in members by name; only where there are many
	items   []Value          // array
}

type member struct {
	name  Name
	value Value
}

// NullValue is null.
var NullValue = Value{raw: []byte("null")}

// Text returns a string.
func Text(s string) Value { return Value{raw: jsonline.AppendString(nil, s)} }

// Int returns an integer.
func Int(n int64) Value { return Value{raw: strconv.AppendInt(nil, n, 10)} }

// Truth returns true or false.
func Truth(b bool) Value { return Value{raw: strconv.AppendBool(nil, b)} }

// Literal returns the number that the text writes. It must be a number as JSON
// writes them.
func Literal(number string) Value { return Value{raw: []byte(number)} }

// EmptyArray returns [].
func EmptyArray() Value { return Value{open: &container{}} }

// EmptyObject returns {}.
func EmptyObject() Value { return Value{open: &container{object: true}} }

// Kind returns what sort of value it is.
func (v *Value) Kind() Kind {
	switch {
	case v.open != nil && v.open.object:
		return Object
	case v.open != nil:
		return Array
	case len(v.raw) == 0:
		return None
	}
	switch v.raw[0] {
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	case '"':
		return String
	case '[':
		return Array
	case '{':
		return Object
	}
	return Number
}

// Append appends the value as compact JSON.
func (v *Value) Append(dst []byte) []byte {
	c := v.open
	if c == nil {
		return append(dst, v.raw...)
	}
	if !c.object {
		dst = append(dst, '[')
		for i := range c.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = c.items[i].Append(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	first := true
	for i := range c.members {
		m := &c.members[i]
		if m.value.Kind() == None {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, m.name.quoted...), ':')
		dst = m.value.Append(dst)
	}
	return append(dst, '}')
}

// Bytes returns the value as compact JSON. Where it was not opened these are
// the bytes that it points to.
func (v *Value) Bytes() []byte {
	if v.open == nil {
		return v.raw
	}
	return v.Append(nil)
}

// Closed returns a copy that shares nothing which can be changed.
func (v *Value) Closed() Value { return Value{raw: v.Bytes()} }

// Text returns the text of a string, or "" where it is none.
func (v *Value) Text() string {
	if v.Kind() != String {
		return ""
	}
	return unquote(v.raw)
}

// unquote returns the text of a string that is known to be valid.
func unquote(quoted []byte) string {
	for _, c := range quoted {
		if c == '\\' {
			var s string
			json.Unmarshal(quoted, &s) // it is valid
			return s
		}
	}
	return string(quoted[1 : len(quoted)-1])
}

// SameText reports whether two values are written alike, where that is known
// without a walk: where nobody has opened either.
func (v *Value) SameText(o *Value) bool {
	return v.open == nil && o.open == nil && bytes.Equal(v.raw, o.raw)
}
