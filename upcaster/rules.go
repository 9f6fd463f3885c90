package upcaster

import (
	"context"
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/rawjson"
)

// dataBytesMax is the most that an event's data may become.
const dataBytesMax = firn.EventBytesMax

// Shape is what upcasting sees of an event, and changes.
type Shape struct {
	Type        string
	Schema      uint32
	ContentType string // never changes
	Data        []byte
}

// Rules are the steps that hold for one category. They do not change, and may
// be used by any number of goroutines.
type Rules struct {
	chains map[string]*chain
	hash   [32]byte
	became map[string][]string // stored types that become another one, by the name they come to have
}

// Empty reports whether there are no steps at all.
func (r *Rules) Empty() bool { return len(r.chains) == 0 }

// Hash identifies what the rules do: two rules with one hash show every event
// alike. It does not hang on names of definitions, or on how they are written.
func (r *Rules) Hash() [32]byte { return r.hash }

// Applies reports whether an event of a type and schema version is not in
// today's shape. It takes one look-up and allocates nothing.
func (r *Rules) Applies(typ string, schema uint32) bool {
	c := r.chains[typ]
	return c != nil && version(schema) < c.end()
}

// Apply brings an event into today's shape. Where no step applies it returns
// what it was given; data that is changed is new memory. Where it fails it
// returns what it was given, and an *Error, or the context's own.
//
// Steps that look at the data want it to be JSON, by its content type and in
// fact, and fail on other data. Steps that change no more than type and version
// take any.
func (r *Rules) Apply(ctx context.Context, in Shape) (Shape, error) {
	c := r.chains[in.Type]
	if c == nil || version(in.Schema) >= c.end() {
		return in, nil
	}
	out := in
	out.Schema = version(in.Schema)
	if out.Schema < c.first {
		return in, &Error{Type: in.Type, Schema: in.Schema,
			Reason: fmt.Sprintf("no step begins at this version; the first one begins at version %d", c.first)}
	}
	var doc rawjson.Value
	for l := c.at(out.Schema); l != nil; l = l.target.at(l.to) {
		if len(l.operations) > 0 && doc.Kind() == rawjson.None {
			var err error
			if doc, err = parseData(&in); err != nil {
				return in, l.failed(&in, nil, err)
			}
		}
		for i := range l.operations {
			if err := l.operations[i].apply(ctx, &doc); err != nil {
				if ctx.Err() != nil {
					return in, ctx.Err()
				}
				return in, l.failed(&in, &l.operations[i], err)
			}
		}
		out.Type, out.Schema = l.becomes(), l.to
	}
	if doc.Kind() != rawjson.None {
		out.Data = doc.Append(make([]byte, 0, len(in.Data)+len(in.Data)/4+32))
		if len(out.Data) > dataBytesMax {
			return in, &Error{Type: in.Type, Schema: in.Schema,
				Reason: fmt.Sprintf("its data would have %d bytes; at most %d are allowed", len(out.Data), dataBytesMax)}
		}
	}
	return out, nil
}

func parseData(in *Shape) (rawjson.Value, error) {
	if !cloudevents.IsJSON(in.ContentType) {
		return rawjson.Value{}, fmt.Errorf("its data is %s, and the step changes JSON", clip(in.ContentType))
	}
	doc, err := rawjson.Parse(in.Data, dataBytesMax)
	if err != nil {
		return doc, fmt.Errorf("its data: %w", err)
	}
	return doc, nil
}

func (s *step) failed(in *Shape, o *operation, why error) *Error {
	e := &Error{Upcaster: s.upcaster, Type: in.Type, Schema: in.Schema, Step: s.String(), Reason: why.Error()}
	if o != nil {
		e.Action, e.Path = o.kind.String(), o.path.String()
	}
	return e
}
