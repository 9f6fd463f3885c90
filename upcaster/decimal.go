package upcaster

import (
	"strconv"
	"strings"
)

const (
	digitsMax = 1000 // bytes of a number that is converted, and of what it becomes
	shiftMax  = 100
)

// decimal is a number as it is written: its digits, and the power of ten that
// they are multiplied with.
type decimal struct {
	negative bool
	digits   string // at least one; no zero before them but where they are 0
	exponent int
}

// decimalOf takes a JSON number apart.
func decimalOf(raw string) (decimal, error) {
	var d decimal
	if len(raw) > digitsMax {
		return d, errDigits
	}
	raw, d.negative = strings.CutPrefix(raw, "-")
	if i := strings.IndexAny(raw, "eE"); i >= 0 {
		n, err := strconv.Atoi(raw[i+1:])
		if err != nil || n > digitsMax || n < -digitsMax {
			return d, errDigits
		}
		raw, d.exponent = raw[:i], n
	}
	whole, fraction, _ := strings.Cut(raw, ".")
	d.digits = strings.TrimLeft(whole+fraction, "0")
	d.exponent -= len(fraction)
	if d.digits == "" {
		d.digits = "0"
	}
	return d, nil
}

// trimmed returns the number without zeros at its end, as far as they stand
// behind the decimal point.
func (d decimal) trimmed() decimal {
	for d.exponent < 0 && d.digits != "0" && strings.HasSuffix(d.digits, "0") {
		d.digits = d.digits[:len(d.digits)-1]
		d.exponent++
	}
	if d.digits == "0" {
		d.exponent, d.negative = max(d.exponent, 0), false
	}
	return d
}

// text writes the number without an exponent.
func (d decimal) text() (string, error) {
	if len(d.digits)+max(d.exponent, -d.exponent) > digitsMax {
		return "", errDigits
	}
	text := d.digits
	switch {
	case d.exponent > 0 && text != "0":
		text += strings.Repeat("0", d.exponent)
	case d.exponent < 0:
		if missing := 1 - d.exponent - len(text); missing > 0 {
			text = strings.Repeat("0", missing) + text
		}
		point := len(text) + d.exponent
		text = text[:point] + "." + text[point:]
	}
	if d.negative {
		text = "-" + text
	}
	return text, nil
}
