package jq

import (
	"fmt"
	"maps"

	"github.com/itchyny/gojq"
)

// comparisons are ==, <, and so on.
func (m *machine) comparisons() []gojq.CompilerOption {
	compare := func(name string, holds func(int) bool) gojq.CompilerOption {
		return gojq.WithFunction(name, 2, 2, func(_ any, args []any) any {
			if err := m.compared(args[0], args[1]); err != nil {
				return err
			}
			return holds(gojq.Compare(args[0], args[1]))
		})
	}
	equal := func(name string, want bool) gojq.CompilerOption {
		return gojq.WithFunction(name, 2, 2, func(_ any, args []any) any {
			if lengthsDiffer(args[0], args[1]) {
				return !want
			}
			if err := m.compared(args[0], args[1]); err != nil {
				return err
			}
			return (gojq.Compare(args[0], args[1]) == 0) == want
		})
	}
	return []gojq.CompilerOption{
		equal("__eq", true), equal("__ne", false),
		compare("__lt", func(c int) bool { return c < 0 }), compare("__le", func(c int) bool { return c <= 0 }),
		compare("__gt", func(c int) bool { return c > 0 }), compare("__ge", func(c int) bool { return c >= 0 }),
	}
}

// compared pays for the comparison of two values.
func (m *machine) compared(l, r any) error {
	switch l := l.(type) {
	case []any:
		if _, ok := r.([]any); !ok {
			return nil
		}
	case map[string]any:
		if _, ok := r.(map[string]any); !ok {
			return nil
		}
	case string:
		return m.pay(len(l) / 16)
	default:
		return nil
	}
	if err := m.deep(l); err != nil {
		return err
	}
	return m.deep(r)
}

// lengthsDiffer finds most values that are not equal without a walk, such as
// those that are compared with [] or {}.
func lengthsDiffer(l, r any) bool {
	switch l := l.(type) {
	case []any:
		r, ok := r.([]any)
		return ok && len(l) != len(r)
	case map[string]any:
		r, ok := r.(map[string]any)
		return ok && len(l) != len(r)
	}
	return false
}

// plain reports whether l * r is left to gojq, and pays for a repeated string.
func (m *machine) plain(l, r any) any {
	if _, ok := l.(map[string]any); ok {
		if _, ok := r.(map[string]any); ok {
			return false
		}
	}
	s, ok := l.(string)
	times := r
	if !ok {
		if s, ok = r.(string); !ok {
			return true
		}
		times = l
	}
	if n, ok := gojq.ToFloat64(times); ok && n > 0 {
		if size := n * float64(len(s)); size > ValueBytes {
			return m.stop("a string of %.0f bytes; at most %d are allowed", size, ValueBytes)
		}
		if err := m.text(int(n) * len(s)); err != nil {
			return err
		}
	}
	return true
}

// merged is l * r for two objects: what they both hold as objects is merged in
// turn.
func (m *machine) merged(l, r any, depth int) any {
	to, from := l.(map[string]any), r.(map[string]any)
	if depth > walkDepth {
		return m.stop("a value nested deeper than %d", walkDepth)
	}
	if err := m.pay(len(to) + len(from)); err != nil {
		return err
	}
	result := make(map[string]any, len(to)+len(from))
	maps.Copy(result, to)
	for k, v := range from {
		_, object := v.(map[string]any)
		if _, both := result[k].(map[string]any); object && both {
			if v = m.merged(result[k], v, depth+1); m.stopped != nil {
				return m.stopped
			}
		}
		result[k] = v
	}
	return result
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	default:
		return fmt.Sprintf("%s (%s)", gojq.TypeOf(v), gojq.Preview(v))
	}
}
