// Package dump writes what lies on a node's disk as text, one line an item, and
// walks through stores of which some can be read and some cannot. It is for
// people: nothing in Firn reads these lines.
package dump

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn/internal/jsonline"
)

// Line is one item: which part of the node it is of, of what kind, and members in
// the order in which they were added. The zero Line is empty.
type Line struct {
	Part, Kind string
	Damage     string // why the item cannot be read; "": it was
	Key        []byte // in the part's key space; empty where the line is about a piece of an item
	members    []member
}

type member struct {
	name  string
	value []byte // JSON
}

func (l *Line) add(name string, value []byte) { l.members = append(l.members, member{name, value}) }

// Uint adds a number.
func (l *Line) Uint(name string, n uint64) {
	var o jsonline.Object
	o.Uint("", n)
	l.add(name, valueOf(&o))
}

// Uints adds a list of numbers.
func (l *Line) Uints(name string, all []uint64) {
	list := make([][]byte, len(all))
	for i, n := range all {
		list[i] = strconv.AppendUint(nil, n, 10)
	}
	l.add(name, jsonline.List(list))
}

// Text adds a text. Bytes that are not UTF-8 are replaced.
func (l *Line) Text(name, text string) { l.add(name, jsonline.AppendString(nil, text)) }

// Texts adds a list of texts.
func (l *Line) Texts(name string, all []string) {
	var o jsonline.Object
	o.Strings("", all)
	l.add(name, valueOf(&o))
}

// Hex adds bytes in hexadecimal.
func (l *Line) Hex(name string, b []byte) { l.Text(name, hex.EncodeToString(b)) }

// Flag adds true, and nothing where it is not set.
func (l *Line) Flag(name string, set bool) {
	if set {
		l.add(name, []byte("true"))
	}
}

// Time adds a moment, null for none.
func (l *Line) Time(name string, t time.Time) {
	var o jsonline.Object
	o.Time("", t)
	l.add(name, valueOf(&o))
}

// JSON adds a value that is valid JSON.
func (l *Line) JSON(name string, value []byte) { l.add(name, jsonline.Compact(nil, value)) }

// valueOf returns the value of an object's only member, whose name is "".
func valueOf(o *jsonline.Object) []byte {
	b := o.Bytes()
	return b[len(`{"":`) : len(b)-1]
}

// Payload adds bytes that a caller has stored: as JSON where that is what they
// are, else in base64. Of more than max bytes only the beginning is shown, and
// how many there are.
func (l *Line) Payload(name string, b []byte, max int) {
	switch {
	case len(b) == 0:
		l.add(name, []byte("null"))
	case len(b) > max:
		l.Uint(name+"_bytes", uint64(len(b)))
		start := b[:max]
		for cut := 0; cut < utf8.UTFMax && !utf8.Valid(start); cut++ {
			start = start[:len(start)-1]
		}
		if utf8.Valid(start) {
			l.Text(name+"_start", string(start))
		} else {
			l.base64(name+"_start_base64", b[:max])
		}
	case jsonline.Valid(b):
		l.JSON(name, b)
	default:
		l.base64(name+"_base64", b)
	}
}

func (l *Line) base64(name string, b []byte) {
	var o jsonline.Object
	o.Base64("", b)
	l.add(name, valueOf(&o))
}

// AppendText appends the line as text: part and kind, then name=value, each value
// in JSON, the key in hexadecimal at the end.
func (l *Line) AppendText(dst []byte) []byte {
	dst = append(append(append(dst, l.Part...), ' '), l.Kind...)
	for _, m := range l.all() {
		dst = append(append(append(append(dst, ' '), m.name...), '='), m.value...)
	}
	return dst
}

// AppendJSON appends the line as a JSON object.
func (l *Line) AppendJSON(dst []byte) []byte {
	var o jsonline.Object
	o.String("part", l.Part)
	o.String("kind", l.Kind)
	for _, m := range l.all() {
		o.JSON(m.name, m.value)
	}
	return append(dst, o.Bytes()...)
}

func (l *Line) all() []member {
	all := l.members
	if l.Damage != "" {
		all = append(all, member{"damage", jsonline.AppendString(nil, l.Damage)})
	}
	if len(l.Key) > 0 {
		all = append(all, member{"key", jsonline.AppendString(nil, hex.EncodeToString(l.Key))})
	}
	return all
}

// Hidden stands for what is not shown.
const Hidden = "…"

// HideHashes returns JSON in which the hashes of users' tokens are hidden: whoever
// has one can tell whether a token that was guessed is right. What is not JSON is
// hidden whole.
func HideHashes(b []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	var v any
	if !jsonline.Valid(b) || decoder.Decode(&v) != nil {
		return jsonline.AppendString(nil, Hidden)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(hide(v)); err != nil {
		return jsonline.AppendString(nil, Hidden)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func hide(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "sha256" || name == "token_sha256" {
				v[name] = Hidden
			} else {
				v[name] = hide(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = hide(inner)
		}
	}
	return v
}
