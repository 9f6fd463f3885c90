package firn

import (
	"context"
	"time"
)

// DefinitionClass says what a definition defines.
type DefinitionClass uint8

// The classes that callers define by text. (Class 1, groups, has calls of its
// own.) The numbers are written to disk and wire.
const (
	FoldDefinition     DefinitionClass = 2
	UpcasterDefinition DefinitionClass = 3
	SchemaDefinition   DefinitionClass = 4
	UserDefinition     DefinitionClass = 5 // its source: see [UserChange] and [ParseUser]
)

func (c DefinitionClass) String() string {
	switch c {
	case FoldDefinition:
		return "fold"
	case UpcasterDefinition:
		return "upcaster"
	case SchemaDefinition:
		return "schema"
	case UserDefinition:
		return "user"
	}
	return "definition"
}

// Definition is one version of a definition.
type Definition struct {
	Class    DefinitionClass
	Name     string
	Version  uint64   // from 1, one higher with each change
	Position Position // of the event in $definitions that records it
	Time     time.Time
	Actor    string
	Source   []byte // the text, as it was given; empty: with this version the definition ended
}

// Definitions is what a store offers beside [Store] that keeps folds, upcasters,
// schemas and users. Changes are durable at a majority when a call returns nil.
type Definitions interface {
	// Define gives a name a new definition, or ends it where the source is
	// empty. The expectation is held against the name's version: none (there is
	// no such definition), exists, an exact version, or any. What does not hold
	// together by itself, or with what is defined already, is ErrInvalid.
	Define(ctx context.Context, class DefinitionClass, name string, source []byte, expect Expectation) (Definition, error)

	// Definitions returns the definitions of a class that are in force as of a
	// point (zero: now), by name.
	Definitions(ctx context.Context, class DefinitionClass, at Point) ([]Definition, error)

	// DefinitionVersions returns all versions of a definition, the oldest first.
	DefinitionVersions(ctx context.Context, class DefinitionClass, name string) ([]Definition, error)
}
