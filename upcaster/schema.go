package upcaster

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/rawjson"
)

// The limits of a JSON Schema and of what it looks at.
const (
	SchemaBytesMax       = 256 << 10
	SchemaValuesMax      = 50_000  // values within one event's data
	schemaPatternBytes   = 1_000   // of one regular expression
	schemaPatternSizeMax = 100_000 // instructions of all regular expressions together
	schemaFaultsMax      = 5       // named in one error
)

// Schema is a JSON Schema for the data of one type and version. It may be used
// by any number of goroutines.
type Schema struct {
	text []byte
	pool sync.Pool // of *budgeted: one counts for one goroutine at a time
}

// NewSchema compiles a JSON Schema. Where it names no draft it is one of 2020-12;
// formats are checked. Nothing is loaded: references lead into the schema itself.
// The error is an ErrInvalid or ErrTooLarge.
func NewSchema(text []byte) (*Schema, error) {
	if len(text) > SchemaBytesMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "the schema has %d bytes; at most %d are allowed", len(text), SchemaBytesMax)
	}
	s := &Schema{text: slices.Clone(text)}
	compiled, err := s.compile()
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "the schema: %s", describe(err))
	}
	s.pool.Put(compiled)
	return s, nil
}

// Validate holds an event's data against the schema. The error is an ErrInvalid
// that names the first faults with their paths and reasons.
func (s *Schema) Validate(contentType string, data []byte) (err error) {
	if !cloudevents.IsJSON(contentType) {
		return firn.Errorf(firn.ErrInvalid, "the data is %s; the schema of its type and version wants JSON", clip(contentType))
	}
	v, values, err := decodeForSchema(data, dataBytesMax)
	if err != nil {
		return firn.Errorf(firn.ErrInvalid, "the data: %v", err)
	}
	b, _ := s.pool.Get().(*budgeted)
	if b == nil {
		if b, err = s.compile(); err != nil {
			return firn.Errorf(firn.ErrInternal, "the schema compiled once and no more: %v", err)
		}
	}
	err = b.validate(v, values)
	s.pool.Put(b)
	if err != nil {
		return firn.Errorf(firn.ErrInvalid, "the data does not fit the schema of its type and version: %s", describe(err))
	}
	return nil
}

func (s *Schema) compile() (*budgeted, error) {
	doc, _, err := decodeForSchema(s.text, SchemaBytesMax)
	if err != nil {
		return nil, err
	}
	if err := checkSchema(doc); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	patterns := patternCompiler{}
	c.UseRegexpEngine(patterns.compile)
	c.AssertFormat()
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	compiled, err := c.Compile(schemaURL)
	if err != nil {
		return nil, err
	}
	return newBudgeted(compiled), nil
}

const schemaURL = "firn:schema"

// checkSchema refuses the keywords whose meaning hangs on the way that led to
// them: what they cost cannot be bounded by counting at each subschema.
func checkSchema(doc any) error {
	switch v := doc.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "$dynamicRef" || name == "$recursiveRef" {
				if _, ok := inner.(string); ok {
					return fmt.Errorf("%s is not taken; use $ref", name)
				}
			}
			if err := checkSchema(inner); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := checkSchema(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, errors.New("nothing is loaded; put what it refers to into the schema's own $defs")
}

// patternCompiler compiles the regular expressions of one schema.
type patternCompiler struct{ size int }

func (p *patternCompiler) compile(pattern string) (jsonschema.Regexp, error) {
	if len(pattern) > schemaPatternBytes {
		return nil, fmt.Errorf("the regular expression has %d bytes; at most %d are allowed", len(pattern), schemaPatternBytes)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if p.size += len(program.Inst); p.size > schemaPatternSizeMax {
		return nil, errors.New("the regular expressions of the schema are too large together")
	}
	return regexp.Compile(pattern)
}

// decodeForSchema decodes JSON as the library wants it, numbers as they are
// written. Numbers that it would have to write out at great length are refused.
func decodeForSchema(text []byte, bytesMax int) (v any, values int, err error) {
	doc, err := rawjson.Parse(text, bytesMax)
	if err != nil {
		return nil, 0, err
	}
	left := SchemaValuesMax
	v, err = decode(&doc, &left)
	return v, SchemaValuesMax - left, err
}

func decode(v *rawjson.Value, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("it has more than %d values; a schema looks at no more", SchemaValuesMax)
	}
	switch v.Kind() {
	case rawjson.Bool:
		return v.Bytes()[0] == 't', nil
	case rawjson.String:
		return v.Text(), nil
	case rawjson.Number:
		if _, err := decimalOf(string(v.Bytes())); err != nil {
			return nil, fmt.Errorf("the number %s: %w", shown(v), errDigits)
		}
		return json.Number(v.Bytes()), nil
	case rawjson.Array:
		array := make([]any, v.Len())
		for i := range array {
			item, err := decode(v.Item(i), left)
			if err != nil {
				return nil, err
			}
			array[i] = item
		}
		return array, nil
	case rawjson.Object:
		object := make(map[string]any, v.Len())
		for name, member := range v.Members() {
			inner, err := decode(member, left)
			if err != nil {
				return nil, err
			}
			object[name.String()] = inner
		}
		return object, nil
	}
	return nil, nil
}

var printer = message.NewPrinter(language.English)

// describe says where and why, for the first faults.
func describe(err error) string {
	var invalid *jsonschema.ValidationError
	if wrong := (*jsonschema.SchemaValidationError)(nil); errors.As(err, &wrong) {
		err = wrong.Err
	}
	if !errors.As(err, &invalid) {
		return strings.ReplaceAll(err.Error(), schemaURL, "")
	}
	var faults []string
	more := 0
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) > 0 {
			return
		}
		if len(faults) == schemaFaultsMax {
			more++
			return
		}
		where := "the whole"
		if len(e.InstanceLocation) > 0 {
			where = ""
			for _, name := range e.InstanceLocation {
				where += "/" + rawjson.EscapeToken(name)
			}
		}
		reason := e.ErrorKind.LocalizedString(printer)
		if len(reason) > 300 {
			reason = strings.ToValidUTF8(reason[:100]+"…"+reason[len(reason)-200:], "") // the value, and why
		}
		faults = append(faults, where+": "+reason)
	}
	walk(invalid)
	slices.Sort(faults)
	text := strings.Join(faults, "; ")
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
