package history

import (
	"context"
	"errors"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jq"
	"github.com/firndb/firn/snapshot"
)

// Condition is a jq expression on a state, `.`, and the event that it is the state
// after, `$event`. It holds where its one value is neither false nor null.
type Condition struct{ program *jq.Program }

// NewCondition compiles a condition. The error is an ErrInvalid.
func NewCondition(expression string) (*Condition, error) {
	program, err := jq.Compile(expression, "$event")
	if err != nil {
		return nil, err
	}
	return &Condition{program}, nil
}

// String returns the expression.
func (c *Condition) String() string { return c.program.String() }

// holds evaluates the condition. The event is not asked for where the expression
// does not use it.
func (c *Condition) holds(ctx context.Context, revision uint64, state []byte, event func() (firn.Event, error)) (bool, error) {
	input, err := jq.Decode(state)
	if err != nil {
		return false, err
	}
	var value any
	if c.program.Uses("$event") {
		e, err := event()
		if err != nil {
			return false, err
		}
		if value, err = snapshot.EventValue(&e); err != nil {
			return false, err
		}
	}
	result, err := c.program.Run(ctx, input, value)
	if err != nil {
		if errors.Is(err, firn.ErrProgram) {
			return false, firn.Errorf(firn.ErrProgram, "at revision %d: %v", revision, err)
		}
		return false, err
	}
	return result != nil && result != false, nil
}
