package upcaster

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/strictyaml"
)

// The limits of one definition.
const (
	DefinitionBytesMax = strictyaml.DocumentBytesMax
	StepsMax           = 1000
	OperationsMax      = 1000 // of one step
	NameBytesMax       = 128
)

// Definition is an upcaster as it was declared. It is not changed after [Parse].
type Definition struct {
	Name     string
	Category string // whose events it is for; "": those of every stream, apart from the system's

	steps []*step
}

// Steps returns how many steps it has.
func (d *Definition) Steps() int { return len(d.steps) }

// step leads from one type and version to the next.
type step struct {
	upcaster   string // name of the definition
	typ        string
	from, to   uint32
	renameType string // "": the type stays
	operations []operation
	line       int // in the definition
}

// becomes returns the type that events have after the step.
func (s *step) becomes() string {
	if s.renameType != "" {
		return s.renameType
	}
	return s.typ
}

// String names the step for messages.
func (s *step) String() string {
	name := fmt.Sprintf("%s %d to ", clip(s.typ), s.from)
	if s.renameType != "" {
		name += clip(s.renameType) + " "
	}
	return name + fmt.Sprint(s.to)
}

// goesForward says what is wrong with where the step leads, or "".
func (s *step) goesForward() string {
	switch {
	case s.renameType == s.typ:
		return "renameType gives the type the name that it has"
	case s.to == s.from && s.renameType == "":
		return "it does not lead to another version; only a step that renames the type may stay at its version"
	case s.to < s.from:
		return "it leads back to an older version"
	case s.to > s.from+1:
		return "it leaves versions out; a step leads to the next version, so that none of the events between is forgotten"
	}
	return ""
}

func checkName(name string) string {
	odd := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	}
	if name == "" || len(name) > NameBytesMax || strings.ContainsFunc(name, odd) {
		return "a name has 1 to 128 letters, digits, '.', '_' or '-'"
	}
	return ""
}

func checkType(typ string) string {
	switch {
	case typ == "" || len(typ) > firn.TypeBytesMax:
		return "a type has 1 to 255 bytes"
	case !utf8.ValidString(typ):
		return "a type is UTF-8"
	}
	return ""
}

// version returns the schema version that an event counts as.
func version(schema uint32) uint32 { return max(schema, 1) }
