package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
