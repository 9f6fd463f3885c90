package jq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/itchyny/gojq"

	"github.com/firndb/firn"
)

// Version names what decides how an expression computes: the library, and the
// version of this package's own operations. Whatever keeps results of programs
// keeps it beside them.
const Version = "gojq v0.12.20, firn 1"

// Program is an expression that was found good. It may be run by many
// goroutines at once.
type Program struct {
	text      string
	query     *gojq.Query // rewritten
	variables []string
	uses      map[string]bool

	machines sync.Pool // of *machine: a gojq.Code is run by one goroutine at a time, see machine
}

// Compile compiles an expression. The variables' names are given with their $,
// in the order in which Run takes their values. The error is an ErrInvalid that
// names the expression.
func Compile(text string, variables ...string) (*Program, error) {
	p := &Program{text: text, variables: variables}
	if len(text) > ExpressionBytes {
		return nil, p.invalid(fmt.Errorf("it has %d bytes; at most %d are allowed", len(text), ExpressionBytes))
	}
	query, err := gojq.Parse(text)
	if err != nil {
		var at *gojq.ParseError
		if errors.As(err, &at) {
			err = fmt.Errorf("%v, at byte %d", err, at.Offset)
		}
		return nil, p.invalid(err)
	}
	r := rewriter{uses: map[string]bool{}}
	if err := r.program(query); err != nil {
		return nil, p.invalid(err)
	}
	p.query, p.uses = query, r.uses
	m, err := newMachine(p)
	if err != nil {
		return nil, p.invalid(err)
	}
	p.machines.Put(m)
	return p, nil
}

// String returns the expression as it was written.
func (p *Program) String() string { return p.text }

// Uses reports whether the expression mentions a variable. Where it does not,
// any value may be given for it.
func (p *Program) Uses(variable string) bool { return p.uses[variable] }

// Run runs the program on an input, with a value for each variable, and returns
// its one result; none and several are errors. The error is an ErrProgram that
// names the expression, or the context's own.
func (p *Program) Run(ctx context.Context, input any, values ...any) (result any, err error) {
	m, _ := p.machines.Get().(*machine)
	if m == nil {
		if m, err = newMachine(p); err != nil {
			return nil, p.invalid(err)
		}
	}
	defer func() {
		if r := recover(); r != nil { // the machine is not used again
			result, err = nil, p.failed(fmt.Sprintf("the jq library failed: %v", r))
			return
		}
		if !m.spent() {
			p.machines.Put(m)
		}
	}()
	result, fault := m.run(ctx, input, values)
	switch {
	case fault == nil:
		return result, nil
	case ctx.Err() != nil && errors.Is(fault, ctx.Err()):
		return nil, ctx.Err()
	}
	return nil, p.failed(describe(fault))
}

func (p *Program) invalid(err error) error {
	return firn.Errorf(firn.ErrInvalid, "the jq expression %s: %s", p.quoted(), describe(err))
}

func (p *Program) failed(why string) error {
	return firn.Errorf(firn.ErrProgram, "the jq expression %s: %s", p.quoted(), why)
}

// quoted returns the expression for a message: on one line, and not all of it.
func (p *Program) quoted() string {
	const most = 80
	text := strings.Join(strings.Fields(strings.ToValidUTF8(p.text, "�")), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return "`" + text + "`"
}

// describe returns an error's text without ever writing a large value.
func describe(err error) string {
	var value gojq.ValueError
	if errors.As(err, &value) {
		if s, ok := value.Value().(string); ok {
			if len(s) > 300 {
				s = strings.ToValidUTF8(s[:300], "") + "…"
			}
			return s
		}
		return "error: " + gojq.Preview(value.Value())
	}
	return err.Error()
}
