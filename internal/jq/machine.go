package jq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/itchyny/gojq"
)

// machine is a compiled program with what one run counts. gojq compiles
// constant objects into the code and may write to them while it runs
// (deleteEmpty), and keeps every regular expression it has seen; so a machine
// is one goroutine's at a time, and its regular expressions are its own.
//
// It is the context that its code runs under: gojq calls Done before each
// instruction, which is where steps are counted.
type machine struct {
	code     *gojq.Code
	patterns map[patternKey]*pattern

	// of one run
	ctx      context.Context
	deadline time.Time
	steps    int
	stopped  error // why the run must end; nothing in the program can catch it
}

var closed = make(chan struct{})

func init() { close(closed) }

func newMachine(p *Program) (*machine, error) {
	m := &machine{patterns: map[patternKey]*pattern{}}
	code, err := gojq.Compile(p.query, append(m.functions(), gojq.WithVariables(p.variables))...)
	m.code = code
	return m, err
}

// spent reports whether the machine should not be kept.
func (m *machine) spent() bool { return len(m.patterns) > patternsKept }

var errNoOutput = errors.New("it gives no value; exactly one is wanted (`empty` and a `select` that does not hold give none)")

func (m *machine) run(ctx context.Context, input any, values []any) (any, error) {
	m.ctx, m.deadline, m.steps, m.stopped = ctx, time.Now().Add(TimeMax), StepsMax, nil
	defer func() { m.ctx = nil }()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	outputs := m.code.RunWithContext(m, input, values...)
	result, ok := outputs.Next()
	if m.stopped != nil {
		return nil, m.stopped
	}
	if !ok {
		return nil, errNoOutput
	}
	if err, ok := result.(error); ok {
		return nil, err
	}
	second, ok := outputs.Next()
	if m.stopped != nil {
		return nil, m.stopped
	}
	if err, bad := second.(error); bad {
		return nil, err
	}
	if ok {
		return nil, fmt.Errorf("it gives several values, %s and %s; exactly one is wanted ([…] makes one of several)",
			gojq.Preview(result), gojq.Preview(second))
	}
	if err := m.deep(result); err != nil {
		return nil, err
	}
	return settle(result, 0)
}

// Done counts a step. Once the run must end it returns a closed channel, and
// gojq stops.
func (m *machine) Done() <-chan struct{} {
	m.steps--
	if m.steps&15 == 0 || m.steps < 0 || m.stopped != nil {
		m.look()
		if m.stopped != nil {
			return closed
		}
	}
	return nil
}

// look sees whether the run must end.
func (m *machine) look() {
	switch {
	case m.stopped != nil:
	case m.steps < 0:
		m.stopped = fmt.Errorf("it was ended after %d steps; does it loop, or is the value too large for it?", StepsMax)
	case m.ctx.Err() != nil:
		m.stopped = m.ctx.Err()
	case time.Now().After(m.deadline):
		m.stopped = fmt.Errorf("it was ended after %v", TimeMax)
	}
}

// pay takes steps for an operation that is about to be done. Where it returns
// an error, the run ends whatever the program does about it.
func (m *machine) pay(steps int) error {
	if steps < 0 || steps > m.steps { // negative: it overflowed
		steps = m.steps + 1
	}
	m.steps -= steps
	m.look()
	return m.stopped
}

// stop ends the run.
func (m *machine) stop(format string, args ...any) error {
	if m.stopped == nil {
		m.stopped = fmt.Errorf(format, args...)
	}
	return m.stopped
}

func (m *machine) Err() error                  { return m.stopped }
func (m *machine) Deadline() (time.Time, bool) { return m.deadline, true }
func (m *machine) Value(any) any               { return nil }
