package jq_test

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jq"
)

// FuzzRun: whatever is compiled ends by itself, with a value that can be written
// and read, or with an error of the program; it gives the same twice, and changes
// nothing that it was given.
func FuzzRun(f *testing.F) {
	text, err := os.ReadFile("testdata/like-library.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if input, expression, ok := strings.Cut(strings.TrimSpace(line), " | "); ok && input[0] != '#' {
			f.Add(expression, input)
		}
	}
	f.Fuzz(func(t *testing.T, expression, input string) {
		v, err := jq.Decode([]byte(input))
		if err != nil {
			return
		}
		given := string(jq.Encode(v))
		p, err := jq.Compile(expression, "$event")
		if err != nil {
			if !errors.Is(err, firn.ErrInvalid) {
				t.Fatalf("%q: %v", expression, err)
			}
			return
		}
		first, err := p.Run(context.Background(), v, v)
		again, err2 := p.Run(context.Background(), v, v)
		if got := string(jq.Encode(v)); got != given {
			t.Fatalf("%q changed %s to %s", expression, given, got)
		}
		if err != nil {
			if !errors.Is(err, firn.ErrProgram) || strings.Contains(err.Error(), "the jq library failed") {
				t.Fatalf("%q of %s: %v", expression, input, err)
			}
			return
		}
		if err2 != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("%q of %s gives %v, and then %v, %v", expression, input, first, again, err2)
		}
		if back, err := jq.Decode(jq.Encode(first)); err != nil || !reflect.DeepEqual(back, first) {
			t.Fatalf("%q of %s gives %#v, which is read as %#v, %v", expression, input, first, back, err)
		}
	})
}
