// Package jsonline writes JSON objects on one line, member by member in the
// order asked for, and reads them back the same way.
//
// encoding/json alone would not do: it escapes <, > and &, sorts the members of
// maps, and cannot put bytes that are JSON already into a line without looking
// at their numbers.
package jsonline

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Object is one object under construction. The zero Object is empty.
type Object struct{ b []byte }

// Bytes closes the object and returns it, without a line end.
func (o *Object) Bytes() []byte {
	if len(o.b) == 0 {
		return []byte("{}")
	}
	return append(o.b, '}')
}

func (o *Object) name(name string) {
	separator := byte(',')
	if len(o.b) == 0 {
		separator = '{'
	}
	o.b = append(AppendString(append(o.b, separator), name), ':')
}

// String adds a string.
func (o *Object) String(name, value string) {
	o.name(name)
	o.b = AppendString(o.b, value)
}

// Strings adds a list of strings.
func (o *Object) Strings(name string, values []string) {
	o.name(name)
	o.b = append(o.b, '[')
	for i, v := range values {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = AppendString(o.b, v)
	}
	o.b = append(o.b, ']')
}

// Uint adds a number.
func (o *Object) Uint(name string, value uint64) {
	o.name(name)
	o.b = strconv.AppendUint(o.b, value, 10)
}

// Bool adds true or false.
func (o *Object) Bool(name string, value bool) {
	o.name(name)
	o.b = strconv.AppendBool(o.b, value)
}

// Time adds a time as [FormatTime] writes it, or null for the zero time.
func (o *Object) Time(name string, value time.Time) {
	if value.IsZero() {
		o.Null(name)
		return
	}
	o.String(name, FormatTime(value))
}

// Null adds null.
func (o *Object) Null(name string) {
	o.name(name)
	o.b = append(o.b, "null"...)
}

// Base64 adds bytes in base64.
func (o *Object) Base64(name string, value []byte) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = base64.StdEncoding.AppendEncode(o.b, value)
	o.b = append(o.b, '"')
}

// JSON adds a value that is JSON already, see [Valid]. Space between its parts
// is left out; numbers and strings stay as they were written.
func (o *Object) JSON(name string, value []byte) {
	o.name(name)
	o.b = Compact(o.b, value)
}

// List returns the list of values that are JSON already.
func List(values [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(values, []byte{','})...), ']')
}

// Valid reports whether b is one JSON value in UTF-8, as RFC 8259 wants it.
func Valid(b []byte) bool { return utf8.Valid(b) && json.Valid(b) }

// Compact appends a valid JSON value without the space between its parts.
func Compact(dst, value []byte) []byte {
	buf := bytes.NewBuffer(dst)
	if err := json.Compact(buf, value); err != nil {
		panic("jsonline: a value that is not JSON: " + err.Error()) // callers ask Valid first
	}
	return buf.Bytes()
}

// FormatTime writes a time in UTC with its microseconds, so that times sort as
// text does.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// AppendString appends s as a JSON string. Only what JSON demands is escaped.
func AppendString(dst []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // a string and a buffer cannot fail
	return append(dst, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}
