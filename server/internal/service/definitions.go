package service

import (
	"context"
	"encoding/json"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/server/internal/security"
)

// source is how a definition's text stands in the log, where bodies are JSON.
type source struct {
	Source string `json:"source"`
}

// Define is [firn.Definitions.Define], on behalf of an actor. The id is that of
// the event that records it; a repetition with the same id changes nothing more.
func (s *Service) Define(ctx context.Context, actor string, id firn.ID, class firn.DefinitionClass, name string, text []byte, expect firn.Expectation) (firn.Definition, error) {
	none := firn.Definition{}
	if err := checkClass(class); err != nil {
		return none, err
	}
	if id.IsZero() {
		return none, firn.Errorf(firn.ErrInvalid, "a change of the %s %.140q has no id", class, name)
	}
	// One after the other, so that each is held against those before it.
	s.defining.Lock()
	defer s.defining.Unlock()
	r, err := s.consistent(ctx, firn.Consistency{})
	if err != nil {
		return none, err
	}
	item := &command.Define{Actor: []byte(actor), ID: id, Class: command.Class(class), Name: []byte(name), Expect: expect}
	switch {
	case len(text) == 0:
	case class == firn.UserDefinition:
		if text, err = s.changeUser(r.Engine, item, text); err != nil {
			return none, err
		}
	default:
		if err := checkDefinition(r.Engine, class, name, text); err != nil {
			return none, err
		}
		if item.Body, err = json.Marshal(source{string(text)}); err != nil {
			return none, err
		}
	}
	result, err := s.propose(ctx, command.AppendItem(nil, item))
	if err != nil {
		if e := asError(err); e.Kind == firn.ErrUnknown {
			known := *e
			known.IDs = []firn.ID{id}
			err = &known
		}
		return none, err
	}
	return firn.Definition{
		Class: class, Name: name, Version: result.Version,
		Position: result.Appended.Position, Time: result.Appended.Time, Actor: actor, Source: text,
	}, nil
}

// Definitions is [firn.Definitions.Definitions].
func (s *Service) Definitions(ctx context.Context, class firn.DefinitionClass, at firn.Point, c firn.Consistency) ([]firn.Definition, error) {
	if err := checkClass(class); err != nil {
		return nil, err
	}
	r, err := s.consistent(ctx, c)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		found, _ := r.Engine.Definitions(command.Class(class))
		return sources(found)
	}
	position, _, err := r.Engine.Resolve(at, s.options.Now())
	if err != nil {
		return nil, err
	}
	found, err := r.Engine.DefinitionsAt(command.Class(class), position)
	if err != nil {
		return nil, err
	}
	return sources(found)
}

// DefinitionVersions is [firn.Definitions.DefinitionVersions].
func (s *Service) DefinitionVersions(ctx context.Context, class firn.DefinitionClass, name string, c firn.Consistency) ([]firn.Definition, error) {
	if err := checkClass(class); err != nil {
		return nil, err
	}
	r, err := s.consistent(ctx, c)
	if err != nil {
		return nil, err
	}
	found, err := r.Engine.DefinitionVersions(command.Class(class), name)
	if err != nil {
		return nil, err
	}
	return sources(found)
}

func checkClass(class firn.DefinitionClass) error {
	switch class {
	case firn.FoldDefinition, firn.UpcasterDefinition, firn.SchemaDefinition, firn.UserDefinition:
		return nil
	}
	return firn.Errorf(firn.ErrInvalid, "a definition of class %d; the classes are %d (fold), %d (upcaster), %d (schema) and %d (user)",
		class, firn.FoldDefinition, firn.UpcasterDefinition, firn.SchemaDefinition, firn.UserDefinition)
}

func sources(found []engine.Definition) ([]firn.Definition, error) {
	list := make([]firn.Definition, len(found))
	for i := range found {
		d := &found[i]
		text, err := sourceOf(d)
		if err != nil {
			return nil, err
		}
		list[i] = firn.Definition{
			Class: firn.DefinitionClass(d.Class), Name: d.Name, Version: d.Version,
			Position: d.Position, Time: d.Time, Actor: d.Actor, Source: text,
		}
	}
	return list, nil
}

// sourceOf returns a definition's text, nil where with this version it ended.
func sourceOf(d *engine.Definition) ([]byte, error) {
	if len(d.Body) == 0 {
		return nil, nil
	}
	if d.Class == command.ClassUser {
		u, err := security.ParseUser(d.Name, d.Body)
		if err != nil {
			return nil, err
		}
		return firn.UserSource(u.Shown()), nil
	}
	var body source
	if err := json.Unmarshal(d.Body, &body); err != nil || body.Source == "" {
		return nil, firn.Errorf(firn.ErrDamaged, "version %d of the %s %s is not what was written; restore this node from another replica or a backup", d.Version, d.Class, d.Name)
	}
	return []byte(body.Source), nil
}
