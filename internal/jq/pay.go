package jq

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"regexp"

	"github.com/itchyny/gojq"
)

// functions returns what the rewritten expressions and the prelude call. Those
// that only pay return their input itself.
func (m *machine) functions() []gojq.CompilerOption {
	var all []gojq.CompilerOption
	add := func(name string, from, to int, f func(v any, args []any) any) {
		all = append(all, gojq.WithFunction(name, from, to, f))
	}
	pays := func(name string, args int, f func(v any, args []any) error) {
		add(name, args, args, func(v any, args []any) any {
			if err := f(v, args); err != nil {
				return err
			}
			return v
		})
	}
	pays("__shallow", 0, func(v any, _ []any) error { return m.shallow(v) })
	pays("__deep", 0, func(v any, _ []any) error { return m.deep(v) })
	pays("__each", 0, func(v any, _ []any) error { return m.each(v) })
	pays("__enter", 1, func(_ any, args []any) error { return m.pay(args[0].(int)) })
	pays("__exploded", 0, func(v any, _ []any) error { return m.exploded(v) })
	pays("__numeral", 0, func(v any, _ []any) error { return numeralFits(v) })
	pays("__key", 0, func(v any, _ []any) error { return keyFits(v) })
	pays("__place", 0, func(v any, _ []any) error { return m.place(v) })
	pays("__format", 0, func(v any, _ []any) error { return m.format(v) })
	pays("__zoneless", 0, func(v any, _ []any) error { return m.zoneless(v) })
	pays("__apart", 2, func(_ any, args []any) error { return m.apart(args[0], args[1]) })
	pays("__product", 1, func(v any, args []any) error { return m.product(v, args[0]) })
	pays("__summed", 0, func(v any, _ []any) error { return m.summed(v) })
	pays("__joined", 1, func(v any, args []any) error { return m.joined(v, args[0]) })
	add("__ordered", 0, 1, func(v any, args []any) any {
		keys := v
		if len(args) == 1 {
			keys = args[0]
		}
		if err := m.ordered(keys); err != nil {
			return err
		}
		return v
	})
	all = append(all, m.comparisons()...)
	all = append(all, m.updates()...)
	all = append(all, m.matches()...)
	add("__plain", 2, 2, func(_ any, args []any) any { return m.plain(args[0], args[1]) })
	add("__merged", 2, 2, func(_ any, args []any) any { return m.merged(args[0], args[1], 0) })
	return all
}

// shallow pays for a copy of the value's first level, and holds it against the
// limits on strings and integers.
func (m *machine) shallow(v any) error {
	switch v := v.(type) {
	case string:
		if len(v) > ValueBytes {
			return m.stop("a string of %d bytes; at most %d are allowed", len(v), ValueBytes)
		}
		return m.pay(len(v) / 16)
	case []any:
		return m.pay(len(v))
	case map[string]any:
		return m.pay(len(v))
	case *big.Int:
		if v.BitLen() > numberBits {
			return fmt.Errorf("an integer of %d bits; at most %d are allowed", v.BitLen(), numberBits)
		}
	}
	return nil
}

// extent is what a value holds.
type extent struct{ parts, bytes int }

func (e extent) steps() int { return e.parts + e.bytes/16 }

// measure adds up what a value holds, wherever it stands in it, and holds it
// against the limits. The error names the limit.
func (e *extent) measure(v any, depth int) error {
	e.parts++
	if depth > walkDepth {
		return fmt.Errorf("a value nested deeper than %d", walkDepth)
	}
	switch v := v.(type) {
	case string:
		e.bytes += len(v)
	case json.Number:
		if len(v) > NumberBytes {
			return fmt.Errorf("a number of %d bytes; at most %d are allowed", len(v), NumberBytes)
		}
	case []any:
		for _, w := range v {
			if err := e.measure(w, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, w := range v {
			e.bytes += len(k)
			if err := e.measure(w, depth+1); err != nil {
				return err
			}
		}
	}
	switch {
	case e.parts > ValueParts:
		return fmt.Errorf("a value with more than %d parts", ValueParts)
	case e.bytes > ValueBytes:
		return fmt.Errorf("a value with more than %d bytes of text", ValueBytes)
	}
	return nil
}

// size measures a value and pays for that.
func (m *machine) size(v any) (int, error) {
	var e extent
	if err := e.measure(v, 0); err != nil {
		return 0, m.stop("%w", err)
	}
	return e.steps(), m.pay(e.steps())
}

// deep pays for a walk over the whole value. A value may hold another one many
// times, so it can be far larger than the memory that it takes.
func (m *machine) deep(v any) error {
	_, err := m.size(v)
	return err
}

// each pays for the list that .[] makes of the value.
func (m *machine) each(v any) error {
	switch v := v.(type) {
	case []any:
		return m.pay(len(v))
	case map[string]any:
		return m.pay(2 * len(v)) // it is sorted
	}
	return nil
}

// exploded pays for a value for each of a string's characters.
func (m *machine) exploded(v any) error {
	if s, ok := v.(string); ok {
		if err := m.shallow(s); err != nil {
			return err
		}
		return m.pay(len(s))
	}
	return nil
}

func numeralFits(v any) error {
	if s, ok := v.(string); ok && len(s) > NumberBytes {
		return fmt.Errorf("a number of %d bytes; at most %d are allowed", len(s), NumberBytes)
	}
	return nil
}

var errArrayKey = errors.New("an array cannot be an index here; use indices(…) to look for one in another")

func keyFits(v any) error {
	if _, ok := v.([]any); ok {
		return errArrayKey
	}
	return nil
}

// place pays for a path.
func (m *machine) place(v any) error {
	path, _ := v.([]any)
	if len(path) > walkDepth {
		return fmt.Errorf("a path of %d steps; at most %d are allowed", len(path), walkDepth)
	}
	for _, key := range path {
		if err := keyFits(key); err != nil {
			return err
		}
	}
	return m.pay(len(path))
}

// format pays for the use of a format of a time, whose fields may each be 1,024
// bytes wide.
func (m *machine) format(v any) error {
	if s, ok := v.(string); ok {
		return m.pay(16 * len(s))
	}
	return nil
}

var zone = regexp.MustCompile(`%[-_^#0-9:]*[Z+]`)

func (m *machine) zoneless(v any) error {
	if s, ok := v.(string); ok && zone.MatchString(s) {
		return fmt.Errorf("strptime with %s would depend on the node's time zone; use %%z", zone.FindString(s))
	}
	return m.format(v)
}

// ordered pays for the sorting of the parts of an array.
func (m *machine) ordered(v any) error {
	list, _ := v.([]any)
	size, err := m.size(v)
	if err != nil {
		return err
	}
	return m.pay(size * bits.Len(uint(len(list))) / 8)
}

// product pays for a search for one value in another, part by part.
func (m *machine) product(v, x any) error {
	if s, ok := v.(string); ok {
		t, _ := x.(string)
		return m.pay(len(s)/4 + len(s)*len(t)/64)
	}
	a, err := m.size(v)
	if err != nil {
		return err
	}
	b, err := m.size(x)
	if err != nil {
		return err
	}
	return m.pay(a * b / 4)
}

// apart pays for l - r.
func (m *machine) apart(l, r any) error {
	if _, ok := l.([]any); !ok {
		return nil
	}
	return m.product(l, r)
}

// summed pays for add.
func (m *machine) summed(v any) error {
	text := 0
	for w := range children(v) {
		if s, ok := w.(string); ok {
			text += len(s)
		} else if err := m.shallow(w); err != nil {
			return err
		}
	}
	return m.text(text)
}

// joined pays for join.
func (m *machine) joined(v, separator any) error {
	text, between := 0, 0
	if s, ok := separator.(string); ok {
		between = len(s)
	}
	for w := range children(v) {
		text += between
		if s, ok := w.(string); ok {
			text += len(s)
		} else {
			text += 32 // or a number that is longer, but not by much
		}
	}
	return m.text(text)
}

// text pays for a string of n bytes that is about to be made.
func (m *machine) text(n int) error {
	if n < 0 || n > ValueBytes {
		return m.stop("a string of %d bytes; at most %d are allowed", n, ValueBytes)
	}
	return m.pay(n / 16)
}

// children yields the values in an array or object.
func children(v any) func(func(any) bool) {
	return func(yield func(any) bool) {
		switch v := v.(type) {
		case []any:
			for _, w := range v {
				if !yield(w) {
					return
				}
			}
		case map[string]any:
			for _, w := range v {
				if !yield(w) {
					return
				}
			}
		}
	}
}
