package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"github.com/firndb/firn"
)

// Decode reads one JSON value for a program. Numbers stay as they are written.
// The error is an ErrInvalid where it is not JSON in UTF-8, and an ErrTooLarge
// where it is larger or deeper than a program may look at.
func Decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, firn.Errorf(firn.ErrInvalid, "the text is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind the value")
		}
	}
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "the text is not JSON: %v", err)
	}
	return v, Check(v)
}

// Check holds a value against the limits of what a program may look at. The
// error is an ErrTooLarge.
func Check(v any) error {
	var e extent
	if err := e.measure(v, 0); err != nil {
		return firn.Errorf(firn.ErrTooLarge, "%v", err)
	}
	return nil
}

// Encode writes a value as JSON: the members of an object in the order of their
// names, numbers that were read as they were written, NaN as null and infinite
// numbers as the largest float64.
func Encode(v any) []byte {
	text, _ := gojq.Marshal(v) // it has no errors
	return text
}

// settle returns v as it would be read after it was written: computed numbers
// become text, and what is not UTF-8 is replaced. Otherwise a result would
// compute on in another way than the same result that was kept: 1e18 is a
// float64 while it is computed, and an integer once it was written. It changes
// nothing in v; where nothing is to be changed it returns v itself.
func settle(v any, depth int) (any, error) {
	if depth > DepthMax {
		return nil, fmt.Errorf("a result nested deeper than %d", DepthMax)
	}
	switch v := v.(type) {
	case int, *big.Int:
		return json.Number(Encode(v)), nil
	case float64:
		if v != v {
			return nil, nil
		}
		return json.Number(Encode(v)), nil
	case string:
		return settledText(v), nil
	case []any:
		copied := false
		for i, child := range v {
			w, err := settle(child, depth+1)
			if err != nil {
				return nil, err
			}
			if !same(child, w) {
				if !copied {
					v, copied = slices.Clone(v), true
				}
				v[i] = w
			}
		}
		return v, nil
	case map[string]any:
		return settledObject(v, depth)
	}
	return v, nil
}

func settledObject(v map[string]any, depth int) (any, error) {
	copied, odd := v, false
	for key, child := range v {
		odd = odd || !utf8.ValidString(key)
		w, err := settle(child, depth+1)
		if err != nil {
			return nil, err
		}
		if !same(child, w) {
			if len(copied) == len(v) && same(copied, v) {
				copied = maps.Clone(v)
			}
			copied[key] = w
		}
	}
	if !odd {
		return copied, nil
	}
	w := make(map[string]any, len(v))
	for _, key := range slices.Sorted(maps.Keys(copied)) { // as they are written; the last of equal names counts
		w[settledText(key)] = copied[key]
	}
	return w, nil
}

// settledText puts the replacement character for every byte that is not UTF-8.
func settledText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// same reports whether settle gave back what it was given.
func same(before, after any) bool {
	switch before := before.(type) {
	case []any:
		after, ok := after.([]any)
		return ok && (len(before) == 0 || address(before) == address(after))
	case map[string]any:
		after, ok := after.(map[string]any)
		return ok && address(before) == address(after)
	}
	return before == after // scalars, of which *big.Int is always another
}
