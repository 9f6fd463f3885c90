package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/upcaster"
)

// shapes is what the definitions that are in force make of events: how old ones
// are shown, and what new ones must look like. It does not change; when a
// definition does, another one is made.
type shapes struct {
	at        firn.Position // of the newest change of a definition
	upcasters *upcaster.Registry
	any       bool // there are upcasters
	schemas   map[schemaFor]*upcaster.Schema
	folds     map[string]*snapshot.Declared
	broken    error // a definition that this node cannot read: nothing can be shown in today's shape
}

// schemaFor is what a schema is for.
type schemaFor struct {
	category string // "": every one
	typ      string
	version  uint32
}

// shapes returns those of the engine's definitions.
func (s *Service) shapes(e *engine.Engine) *shapes {
	_, at := e.Definitions(command.ClassUpcaster)
	if held := s.shaped.Load(); held != nil && held.at == at {
		return held
	}
	made := &shapes{schemas: map[schemaFor]*upcaster.Schema{}, folds: map[string]*snapshot.Declared{}}
	upcasters, at := e.Definitions(command.ClassUpcaster)
	made.at = at
	made.upcasters, made.broken = registryOf(upcasters, nil)
	made.any = len(upcasters) > 0
	schemas, _ := e.Definitions(command.ClassSchema)
	for i := range schemas {
		text, err := sourceOf(&schemas[i])
		var of schemaFor
		var schema *upcaster.Schema
		if err == nil {
			of, schema, err = parseSchema(text)
		}
		if err != nil {
			made.broken = errors.Join(made.broken, fmt.Errorf("the schema %s: %w", schemas[i].Name, err))
			continue
		}
		made.schemas[of] = schema
	}
	folds, _ := e.Definitions(command.ClassFold)
	for i := range folds {
		// One that cannot be read is nil: whoever asks for it learns why.
		made.folds[folds[i].Name], _ = foldOf(&folds[i])
	}
	s.shaped.Store(made)
	return made
}

// registryOf joins upcasters, and one more that is to be defined, in the place
// of the one of its name.
func registryOf(defined []engine.Definition, more *upcaster.Definition) (*upcaster.Registry, error) {
	var all []*upcaster.Definition
	if more != nil {
		all = append(all, more)
	}
	for i := range defined {
		if more != nil && defined[i].Name == more.Name {
			continue
		}
		text, err := sourceOf(&defined[i])
		if err != nil {
			return nil, err
		}
		d, err := upcaster.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("the upcaster %s: %w", defined[i].Name, err)
		}
		all = append(all, d)
	}
	return upcaster.NewRegistry(all...)
}

// parseSchema reads the source of a schema's definition:
//
//	{"type": "OrderPlaced", "version": 2, "category": "order", "schema": {…}}
//
// Without a category it holds for every stream.
func parseSchema(text []byte) (of schemaFor, schema *upcaster.Schema, err error) {
	var fields struct {
		Type     string          `json:"type"`
		Version  uint32          `json:"version"`
		Category string          `json:"category"`
		Schema   json.RawMessage `json:"schema"`
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&fields); err != nil || d.More() {
		return of, nil, firn.Errorf(firn.ErrInvalid, `the definition of a schema is {"type":…, "version":…, "category":…, "schema":{…}}: %v`, err)
	}
	switch {
	case fields.Type == "":
		return of, nil, firn.Errorf(firn.ErrInvalid, "the definition of a schema names no type")
	case fields.Version == 0:
		return of, nil, firn.Errorf(firn.ErrInvalid, "the definition of a schema for %q names no version; they count from 1", fields.Type)
	case fields.Category != "":
		if err := firn.CheckCategory(fields.Category); err != nil {
			return of, nil, err
		}
	}
	schema, err = upcaster.NewSchema(fields.Schema)
	return schemaFor{fields.Category, fields.Type, fields.Version}, schema, err
}

// checkDefinition says what is wrong with a definition, by itself or beside
// those that are in force, or nil.
func checkDefinition(e *engine.Engine, class firn.DefinitionClass, name string, text []byte) error {
	switch class {
	case firn.UpcasterDefinition:
		d, err := upcaster.Parse(text)
		if err != nil {
			return err
		}
		if d.Name != name {
			return firn.Errorf(firn.ErrInvalid, "the definition is of the upcaster %q, and is to be named %q; names must agree", d.Name, name)
		}
		defined, _ := e.Definitions(command.ClassUpcaster)
		_, err = registryOf(defined, d)
		return err
	case firn.SchemaDefinition:
		of, _, err := parseSchema(text)
		if err != nil {
			return err
		}
		defined, _ := e.Definitions(command.ClassSchema)
		for i := range defined {
			other, err := sourceOf(&defined[i])
			if err != nil {
				return err
			}
			if held, _, err := parseSchema(other); err == nil && held == of && defined[i].Name != name {
				return firn.Errorf(firn.ErrAlreadyExists, "the schema %s is for version %d of %q already; change that one", defined[i].Name, of.version, of.typ)
			}
		}
		return nil
	}
	d, err := snapshot.Parse(text)
	if err == nil && d.Name() != name {
		err = firn.Errorf(firn.ErrInvalid, "the definition is of the fold %q, and is to be named %q; names must agree", d.Name(), name)
	}
	return err
}

// fits holds an event that is to be appended against the schema of its type and
// version, where there is one.
func (sh *shapes) fits(stream string, d *record.Draft) error {
	if len(sh.schemas) == 0 {
		return nil
	}
	of := schemaFor{typ: string(d.Type), version: max(d.Schema, 1)}
	for _, of.category = range []string{firn.Category(stream), ""} {
		if schema := sh.schemas[of]; schema != nil {
			contentType := firn.JSON
			if len(d.ContentType) > 0 {
				contentType = string(d.ContentType)
			}
			if err := schema.Validate(contentType, d.Data); err != nil {
				e := firn.Errorf(firn.ErrInvalid, "an event of type %q, version %d, for stream %q is refused: %v", of.typ, of.version, stream, err)
				e.Stream = stream
				return e
			}
		}
		if of.category == "" {
			break
		}
	}
	return nil
}

// asked is the query that the engine is asked, so that what it yields holds all
// that the query selects once it is shown in today's shape. again says that
// what comes is to be looked at again then: the types wanted are today's.
func (sh *shapes) asked(q firn.Query) (_ firn.Query, again bool, err error) {
	if q.Raw || !sh.any {
		return q, false, nil
	}
	if sh.broken != nil {
		return q, false, firn.Errorf(firn.ErrProgram, "events cannot be shown in today's shape: %v; read them as they are stored (--raw), or define it anew", sh.broken)
	}
	if len(q.Types) == 0 && len(q.TypePrefixes) == 0 {
		return q, false, nil
	}
	q.Types = append(q.Types[:len(q.Types):len(q.Types)], sh.upcasters.StoredTypes(q.Types, q.TypePrefixes)...)
	q.Limit = 0
	return q, true, nil
}

// storedTypes returns the types that a group is to follow so that all that it
// wants comes: those that it names are today's.
func (sh *shapes) storedTypes(g *firn.Group) []string {
	asked, _, err := sh.asked(firn.Query{Types: g.Types, TypePrefixes: g.TypePrefixes})
	if err != nil {
		return g.Types // it follows what is stored under these names, rather than nothing
	}
	return asked.Types
}

// event shows an event in today's shape. One that cannot be shown so stays as it
// is, and carries why. The error is only the context's.
func (sh *shapes) event(ctx context.Context, e *firn.Event) error {
	_, err := sh.upcasters.Upcast(ctx, e)
	var failed *upcaster.Error
	if errors.As(err, &failed) {
		e.Fault = failed.Err()
		e.Fault.Stream, e.Fault.Positions = e.Stream, []firn.Position{e.Position}
		return nil
	}
	return err
}

// shaper shows records in today's shape. One goroutine at a time.
type shaper struct {
	sh      *shapes
	decoder record.Decoder
}

// record shows a record, and reports what type it has then.
func (p *shaper) record(ctx context.Context, stored record.Stored) (_ record.Stored, typ string, err error) {
	_, client, err := record.ParseNode(stored.Stream, stored.Bytes)
	if err != nil {
		return stored, "", err
	}
	d, err := record.ParseDraft(client)
	if err != nil {
		return stored, "", err
	}
	typ = string(d.Type)
	if firn.IsSystem(stored.Stream) || !p.sh.upcasters.For(firn.Category(stored.Stream)).Applies(typ, d.Schema) {
		return stored, typ, nil
	}
	e, err := p.decoder.Event(stored.Stream, stored.Bytes)
	if err != nil {
		return stored, "", err
	}
	if err := p.sh.event(ctx, &e); err != nil {
		return stored, "", err
	}
	if stored.Fault = e.Fault; e.Fault == nil {
		stored.Bytes = record.Encode(&e)
	}
	return stored, e.Type, nil
}
