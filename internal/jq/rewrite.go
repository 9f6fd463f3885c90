package jq

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// rewriter turns an expression into one that does the same and pays for it:
//
//   - a call of a function is let through, put behind an operation that pays,
//     or turned into a call of the prelude's definition (functions.go);
//   - operators whose work grows with their operands, and all updates, become
//     calls; so do "\(…)" and @formats;
//   - .[] pays for its list of values first;
//   - a function whose body is long pays when it is entered, since gojq keeps
//     room for all of its variables then.
//
// What pays returns its input itself, which gojq's paths let pass: path(.[]),
// .[] |= f and del(.[]) go on working.
type rewriter struct {
	prelude bool // rewriting the prelude, which may call anything
	scope   []string
	uses    map[string]bool // names of variables, and of functions with __, by name/arity
	parts   int             // of the function being rewritten, without those within it
	depth   int
}

//go:embed prelude.jq
var preludeText string

// definition is one of the prelude's.
type definition struct {
	name string // name/arity
	def  *gojq.FuncDef
	uses map[string]bool
}

var prelude = func() []definition {
	query, err := gojq.Parse(preludeText + " .")
	if err != nil {
		panic("jq: the prelude: " + err.Error())
	}
	var all []definition
	for _, def := range query.FuncDefs {
		r := rewriter{prelude: true, uses: map[string]bool{}}
		if err := r.def(def); err != nil {
			panic("jq: the prelude: " + err.Error())
		}
		all = append(all, definition{signature(def.Name, len(def.Args)), def, r.uses})
	}
	return all
}()

func signature(name string, args int) string { return name + "/" + strconv.Itoa(args) }

// program rewrites a whole expression and puts before it what it uses of the
// prelude.
func (r *rewriter) program(q *gojq.Query) error {
	if q.Meta != nil || len(q.Imports) > 0 {
		return fmt.Errorf("import, include and module are off: a program stands alone")
	}
	if err := r.queryIn(q); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for name := range r.uses {
		wanted[name] = true
	}
	var defs []*gojq.FuncDef
	for _, d := range slices.Backward(prelude) { // each uses only those before it, and itself
		if wanted[d.name] {
			defs = append(defs, d.def)
			for name := range d.uses {
				wanted[name] = true
			}
		}
	}
	slices.Reverse(defs)
	q.FuncDefs = append(defs, q.FuncDefs...)
	return nil
}

// queryIn rewrites a query that has a scope of its own.
func (r *rewriter) queryIn(q *gojq.Query) error {
	if q == nil {
		return nil
	}
	defer func(n int) { r.scope = r.scope[:n] }(len(r.scope))
	return r.query(q)
}

func (r *rewriter) query(q *gojq.Query) error {
	if q == nil {
		return nil
	}
	for _, def := range q.FuncDefs {
		if err := r.def(def); err != nil {
			return err
		}
	}
	if q.Term != nil {
		return r.term(&q.Term)
	}
	if name, ok := operators[q.Op]; ok {
		return r.operator(q, name)
	}
	if err := r.query(q.Left); err != nil {
		return err
	}
	for _, p := range q.Patterns {
		if err := r.pattern(p); err != nil {
			return err
		}
	}
	return r.queryIn(q.Right)
}

// operators are the binary operators that become calls. What has no name is
// left to gojq, and pays for its result.
var operators = map[gojq.Operator]string{
	gojq.OpAdd: "", gojq.OpMod: "", gojq.OpSub: "__minus", gojq.OpMul: "__times", gojq.OpDiv: "__over",
	gojq.OpEq: "__eq", gojq.OpNe: "__ne", gojq.OpLt: "__lt", gojq.OpLe: "__le", gojq.OpGt: "__gt", gojq.OpGe: "__ge",
	gojq.OpAssign: "__assign", gojq.OpModify: "__modify", gojq.OpUpdateAdd: "__modify_plus", gojq.OpUpdateSub: "__modify_minus",
	gojq.OpUpdateMul: "__modify_times", gojq.OpUpdateDiv: "__modify_over", gojq.OpUpdateMod: "__modify_modulo", gojq.OpUpdateAlt: "__modify_else",
}

func (r *rewriter) operator(q *gojq.Query, name string) error {
	left, err := r.closure(q.Left)
	if err != nil {
		return err
	}
	right, err := r.closure(q.Right)
	if err != nil {
		return err
	}
	if name == "" {
		sum := &gojq.Query{Op: q.Op, Left: left, Right: right}
		q.Op, q.Left, q.Right = gojq.OpPipe, sum, r.call(shallow)
		return nil
	}
	q.Term, q.Left, q.Right, q.Op = r.call(name, left, right).Term, nil, nil, 0
	return nil
}

// call is a call of one of the prelude's functions.
func (r *rewriter) call(name string, args ...*gojq.Query) *gojq.Query {
	r.uses[signature(name, len(args))] = true
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func pipe(left, right *gojq.Query) *gojq.Query {
	return &gojq.Query{Op: gojq.OpPipe, Left: left, Right: right}
}

func term(q *gojq.Query) *gojq.Term { return &gojq.Term{Type: gojq.TermTypeQuery, Query: q} }

// closure rewrites a query that gojq turns into a function.
func (r *rewriter) closure(q *gojq.Query) (*gojq.Query, error) {
	before := r.parts
	r.parts = 0
	err := r.queryIn(q)
	own := r.parts
	r.parts = before + 1
	return r.entered(q, own), err
}

// entered makes a function's body pay for the room that gojq keeps for its
// variables: at most one for each part, of 16 bytes, twice.
func (r *rewriter) entered(body *gojq.Query, parts int) *gojq.Query {
	if parts <= 16 {
		return body
	}
	size := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeNumber, Number: strconv.Itoa(parts / 2)}}
	return pipe(r.call("__enter", size), &gojq.Query{Term: term(body)})
}

func (r *rewriter) def(def *gojq.FuncDef) error {
	if !r.prelude && strings.HasPrefix(def.Name, "_") {
		return fmt.Errorf("the function %s: names that begin with _ are the library's", def.Name)
	}
	r.scope = append(r.scope, signature(def.Name, len(def.Args))) // it may call itself
	n, before := len(r.scope), r.parts
	r.parts = 0
	for _, arg := range def.Args {
		r.scope = append(r.scope, signature(strings.TrimPrefix(arg, "$"), 0))
	}
	err := r.query(def.Body)
	r.scope = r.scope[:n]
	def.Body = r.entered(def.Body, r.parts)
	r.parts = before + 1
	return err
}

// pattern rewrites the queries within a destructuring pattern.
func (r *rewriter) pattern(p *gojq.Pattern) error {
	if p == nil {
		return nil
	}
	r.parts++
	for _, e := range p.Array {
		if err := r.pattern(e); err != nil {
			return err
		}
	}
	for _, e := range p.Object {
		r.parts++
		if e.KeyString != nil && e.KeyString.Queries != nil {
			e.KeyString, e.KeyQuery = nil, &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeString, Str: e.KeyString}}
		}
		if e.KeyQuery != nil {
			if err := r.queryIn(e.KeyQuery); err != nil {
				return err
			}
			e.KeyQuery = pipe(&gojq.Query{Term: term(e.KeyQuery)}, r.call("__key"))
		}
		if err := r.pattern(e.Val); err != nil {
			return err
		}
	}
	return nil
}
