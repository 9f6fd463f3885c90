package history

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/firndb/firn/internal/rawjson"
)

// equal reports whether two values are the same to JSON. Nil is no value.
func equal(a, b *rawjson.Value) bool {
	if a == nil || b == nil {
		return a == b
	}
	kind := a.Kind()
	if kind != b.Kind() {
		return false
	}
	switch kind {
	case rawjson.Null:
		return true
	case rawjson.String:
		return bytes.Equal(a.Bytes(), b.Bytes()) || a.Text() == b.Text()
	case rawjson.Number:
		return bytes.Equal(a.Bytes(), b.Bytes()) || sameNumber(string(a.Bytes()), string(b.Bytes()))
	case rawjson.Array:
		if a.SameText(b) {
			return true
		}
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Item(i), b.Item(i)) {
				return false
			}
		}
		return true
	case rawjson.Object:
		if a.SameText(b) {
			return true
		}
		if a.Len() != b.Len() {
			return false
		}
		for name, v := range a.Members() {
			if !equal(v, b.Member(name)) {
				return false
			}
		}
		return true
	}
	return bytes.Equal(a.Bytes(), b.Bytes())
}

// sameNumber compares numbers of any size by their decimal digits.
func sameNumber(a, b string) bool {
	x, fine := decimalOf(a)
	y, also := decimalOf(b)
	return fine && also && x == y
}

// decimal is ±0.DIGITS × 10^exponent, without zeros at either end; zero has no
// digits, and no sign.
type decimal struct {
	negative bool
	digits   string
	exponent int
}

func decimalOf(text string) (d decimal, ok bool) {
	text, d.negative = strings.CutPrefix(text, "-")
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		var err error
		if d.exponent, err = strconv.Atoi(strings.TrimPrefix(text[i+1:], "+")); err != nil || d.exponent > 1<<40 || d.exponent < -1<<40 {
			return d, false // nobody means such a number
		}
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	d.exponent += len(whole)
	d.digits = whole + fraction
	trimmed := strings.TrimLeft(d.digits, "0")
	d.exponent -= len(d.digits) - len(trimmed)
	if d.digits = strings.TrimRight(trimmed, "0"); d.digits == "" {
		return decimal{}, true
	}
	return d, true
}
