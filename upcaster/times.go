package upcaster

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/firndb/firn/internal/rawjson"
)

var nanosPerSecond = big.NewInt(1e9)

// toTime turns a count since 1970 into a time as RFC 3339 writes it, in UTC. A
// unit is 10^-places of a second.
func toTime(v *rawjson.Value, places int) error {
	switch v.Kind() {
	case rawjson.String:
		_, err := timeOf(v)
		return err
	case rawjson.Number:
	default:
		return wrongKind(v, "a number")
	}
	d, err := decimalOf(string(v.Bytes()))
	if err != nil {
		return err
	}
	d.exponent += 9 - places
	if d = d.trimmed(); d.exponent < 0 {
		return fmt.Errorf("%s is finer than a nanosecond", shown(v))
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	nanos, _ := new(big.Int).SetString(text, 10) // digits alone
	second, rest := new(big.Int).DivMod(nanos, nanosPerSecond, new(big.Int))
	if !second.IsInt64() || second.Int64() < minSecond || second.Int64() > maxSecond {
		return fmt.Errorf("%s lies outside the years 1 to 9999; is the unit right?", shown(v))
	}
	*v = rawjson.Text(time.Unix(second.Int64(), rest.Int64()).UTC().Format(time.RFC3339Nano))
	return nil
}

var (
	minSecond = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	maxSecond = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// fromTime turns a time as RFC 3339 writes it into a count since 1970, in units
// of 10^-places of a second. Only seconds may have a fraction.
func fromTime(v *rawjson.Value, places int) error {
	switch v.Kind() {
	case rawjson.Number:
		return nil
	case rawjson.String:
	default:
		return wrongKind(v, "a string")
	}
	t, err := timeOf(v)
	if err != nil {
		return err
	}
	nanos := new(big.Int).Mul(big.NewInt(t.Unix()), nanosPerSecond)
	nanos.Add(nanos, big.NewInt(int64(t.Nanosecond())))
	d, err := decimalOf(nanos.String())
	if err != nil {
		return err
	}
	d.exponent -= 9 - places
	if d = d.trimmed(); d.exponent < 0 && places > 0 {
		return fmt.Errorf("%s is finer than the unit", shown(v))
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	*v = rawjson.Literal(text)
	return nil
}

// timeOf returns the time that a string writes as RFC 3339 demands.
func timeOf(v *rawjson.Value) (time.Time, error) {
	text := v.Text()
	var t time.Time
	err := t.UnmarshalText([]byte(text))
	if err != nil || strings.Contains(text, ",") { // which time takes for a point
		return t, fmt.Errorf("%s is no time as RFC 3339 writes them (2026-03-01T14:32:07Z)", shown(v))
	}
	if _, fraction, found := strings.Cut(text, "."); found {
		if digits := len(fraction) - len(strings.TrimLeft(fraction, "0123456789")); digits > 9 {
			return t, fmt.Errorf("%s is finer than a nanosecond", shown(v))
		}
	}
	return t, nil
}
