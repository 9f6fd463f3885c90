package upcaster

import (
	"fmt"
	"reflect"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// budgeted is a compiled schema that ends when it has looked at too much. A
// schema may visit the same value as often as it likes ({"anyOf": [S, S]} within
// S doubles with every level), and the library cannot be stopped from outside.
// But it asks for a value's format before it goes on to subschemas: so each
// subschema is given a format, which counts the visit and then does what the
// format that stood there does.
type budgeted struct {
	schema *jsonschema.Schema
	visits int // that are left: each may leave a fault, which takes memory
	work   int // that is left: what the visits compare
}

// The limits of one validation.
const (
	schemaVisitsBase = 20_000
	schemaVisitsEach = 8 // and so many for each value of the data
	schemaWorkMax    = 4_000_000
)

// exhausted is what ends a validation that costs too much.
type exhausted struct{}

func newBudgeted(s *jsonschema.Schema) *budgeted {
	b := &budgeted{schema: s}
	b.count(reflect.ValueOf(s), map[uintptr]bool{})
	return b
}

func (b *budgeted) validate(v any, values int) (err error) {
	b.visits, b.work = schemaVisitsBase+schemaVisitsEach*values, schemaWorkMax
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case exhausted:
			err = fmt.Errorf("the schema looks at %d values too often; does it refer to itself in several ways?", values)
		default:
			err = fmt.Errorf("the library failed: %v", r)
		}
	}()
	return b.schema.Validate(v)
}

// count gives a format that counts to every schema that v leads to.
func (b *budgeted) count(v reflect.Value, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		s, isSchema := v.Interface().(*jsonschema.Schema)
		if !isSchema || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		if s.Bool == nil {
			b.charge(s)
		}
		for i := range v.Elem().NumField() {
			if v.Elem().Type().Field(i).IsExported() {
				b.count(v.Elem().Field(i), seen)
			}
		}
	case reflect.Interface:
		b.count(v.Elem(), seen)
	case reflect.Slice:
		for i := range v.Len() {
			b.count(v.Index(i), seen)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			b.count(it.Value(), seen)
		}
	}
}

// charge makes a schema count its visits and their work: what it lists, and for a
// value of many parts each part, as often as it is compared with a pattern.
func (b *budgeted) charge(s *jsonschema.Schema) {
	listed := 1 + len(s.AllOf) + len(s.AnyOf) + len(s.OneOf) + len(s.Required) + len(s.Properties) +
		len(s.PrefixItems) + len(s.Dependencies) + len(s.DependentRequired) + len(s.DependentSchemas)
	if s.Enum != nil {
		listed += len(s.Enum.Values)
	}
	each := 1 + len(s.PatternProperties)
	named := &jsonschema.Format{}
	if s.Format != nil {
		*named = *s.Format
	}
	check := named.Validate
	named.Validate = func(v any) error {
		parts := 0
		switch v := v.(type) {
		case map[string]any:
			parts = len(v)
		case []any:
			parts = len(v)
		case string:
			parts = len(v) / 64
		}
		b.visits--
		b.work -= listed + parts*each
		if b.visits < 0 || b.work < 0 {
			panic(exhausted{})
		}
		if check == nil {
			return nil
		}
		return check(v)
	}
	s.Format = named
}
