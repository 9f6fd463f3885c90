package upcaster

import (
	"fmt"

	"github.com/firndb/firn"
)

// Error is an event that could not be brought into today's shape. The event
// itself is as it is stored.
type Error struct {
	Upcaster string // the definition; "": no step is at fault
	Type     string // as stored
	Schema   uint32
	Step     string // "OrderPlaced 1 to 2"; "": there is no step for the event
	Action   string // "rename", "convert", "jq" …; "": the step as a whole
	Path     string // JSON Pointer; "" where Action has none
	Reason   string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("an event of type %q, schema version %d, could not be upcast", clip(e.Type), version(e.Schema))
	if e.Step != "" {
		text += fmt.Sprintf(": upcaster %s, step %s", e.Upcaster, e.Step)
	}
	if e.Action != "" {
		text += ", " + e.Action
	}
	if e.Path != "" {
		text += " " + e.Path
	}
	return text + ": " + e.Reason
}

// Err returns the error as a store returns it.
func (e *Error) Err() *firn.Error { return firn.Errorf(firn.ErrProgram, "%s", e.Error()) }

// Unwrap makes errors.Is(err, firn.ErrProgram) true.
func (e *Error) Unwrap() error { return firn.ErrProgram }
