package jq

import (
	"fmt"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// term rewrites a term with its suffixes.
func (r *rewriter) term(t **gojq.Term) error {
	if r.depth++; r.depth > expressionDepth {
		return fmt.Errorf("it is nested deeper than %d", expressionDepth)
	}
	defer func() { r.depth-- }()
	suffixes := (*t).SuffixList
	(*t).SuffixList = nil
	if err := r.bare(t); err != nil {
		return err
	}
	for _, s := range suffixes {
		r.parts++
		switch {
		case s.Iter:
			pays := r.call("__each").Term
			if (*t).Type != gojq.TermTypeIdentity || len((*t).SuffixList) > 0 {
				pays = term(pipe(&gojq.Query{Term: *t}, &gojq.Query{Term: pays}))
			}
			*t = pays
		case s.Index != nil:
			if err := r.index(s.Index); err != nil {
				return err
			}
		}
		(*t).SuffixList = append((*t).SuffixList, s)
	}
	return nil
}

// bare rewrites a term that has no suffixes.
func (r *rewriter) bare(t **gojq.Term) error {
	r.parts++
	switch e := *t; e.Type {
	case gojq.TermTypeRecurse:
		*t = r.call("__recurse").Term
	case gojq.TermTypeIndex:
		return r.index(e.Index)
	case gojq.TermTypeFunc:
		return r.function(t)
	case gojq.TermTypeObject:
		return r.object(e.Object)
	case gojq.TermTypeArray:
		return r.queryIn(e.Array.Query)
	case gojq.TermTypeNumber:
		if len(e.Number) > NumberBytes {
			return fmt.Errorf("a number of %d bytes; at most %d are allowed", len(e.Number), NumberBytes)
		}
	case gojq.TermTypeUnary:
		return r.term(&e.Unary.Term)
	case gojq.TermTypeFormat, gojq.TermTypeString:
		return r.text(t)
	case gojq.TermTypeIf:
		for _, q := range []*gojq.Query{e.If.Cond, e.If.Then, e.If.Else} {
			if err := r.queryIn(q); err != nil {
				return err
			}
		}
		for _, branch := range e.If.Elif {
			if err := r.queryIn(branch.Cond); err != nil {
				return err
			}
			if err := r.queryIn(branch.Then); err != nil {
				return err
			}
		}
	case gojq.TermTypeTry:
		if err := r.queryIn(e.Try.Body); err != nil {
			return err
		}
		return r.queryIn(e.Try.Catch)
	case gojq.TermTypeReduce:
		return r.loop(e.Reduce.Patterns, e.Reduce.Query, e.Reduce.Start, e.Reduce.Update)
	case gojq.TermTypeForeach:
		return r.loop(e.Foreach.Patterns, e.Foreach.Query, e.Foreach.Start, e.Foreach.Update, e.Foreach.Extract)
	case gojq.TermTypeLabel:
		return r.queryIn(e.Label.Body)
	case gojq.TermTypeQuery:
		return r.queryIn(e.Query)
	}
	return nil
}

func (r *rewriter) loop(patterns []*gojq.Pattern, queries ...*gojq.Query) error {
	for _, p := range patterns {
		if err := r.pattern(p); err != nil {
			return err
		}
	}
	for _, q := range queries {
		if err := r.queryIn(q); err != nil {
			return err
		}
	}
	return nil
}

// index rewrites .a, .["a"], .[e] and .[e:e].
func (r *rewriter) index(x *gojq.Index) (err error) {
	if x.Str != nil && x.Str.Queries != nil {
		x.Str, x.Start = nil, &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeString, Str: x.Str}}
	}
	if x.Start != nil {
		constant := constant(x.Start)
		if x.Start, err = r.closure(x.Start); err != nil {
			return err
		}
		if !x.IsSlice && !constant && !r.prelude {
			x.Start = pipe(&gojq.Query{Term: term(x.Start)}, r.call("__key"))
		}
	}
	if x.End != nil {
		x.End, err = r.closure(x.End)
	}
	return err
}

// constant reports whether an index is a number or a string as it stands.
func constant(q *gojq.Query) bool {
	t := q.Term
	return t != nil && len(t.SuffixList) == 0 &&
		(t.Type == gojq.TermTypeNumber || t.Type == gojq.TermTypeString && t.Str.Queries == nil)
}

func (r *rewriter) object(o *gojq.Object) error {
	for _, kv := range o.KeyVals {
		r.parts++
		if strings.HasPrefix(kv.Key, "$") {
			if err := r.variable(kv.Key); err != nil {
				return err
			}
		}
		if kv.KeyString != nil && kv.KeyString.Queries != nil {
			if kv.Val == nil {
				return fmt.Errorf(`{"…\(…)…"} without a value; write {"…\(…)…": .["…\(…)…"]}`)
			}
			kv.KeyString, kv.KeyQuery = nil, &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeString, Str: kv.KeyString}}
		}
		if err := r.queryIn(kv.KeyQuery); err != nil {
			return err
		}
		if err := r.queryIn(kv.Val); err != nil {
			return err
		}
	}
	return nil
}

// text rewrites "…\(…)…", @format and @format "…\(…)…" into sums.
func (r *rewriter) text(t **gojq.Term) error {
	e, format := *t, "tostring"
	if e.Type == gojq.TermTypeFormat {
		if format = formats[e.Format]; format == "" {
			return fmt.Errorf("the format %s is not known", e.Format)
		}
		if e.Str == nil {
			*t = r.paid(deep, &gojq.Func{Name: format})
			return nil
		}
	}
	if e.Str.Queries == nil {
		*t = &gojq.Term{Type: gojq.TermTypeString, Str: e.Str}
		return nil
	}
	var sum *gojq.Query
	for _, q := range e.Str.Queries {
		if q.Term == nil || q.Term.Str == nil || len(q.Term.SuffixList) > 0 || q.Term.Type != gojq.TermTypeString {
			if err := r.queryIn(q); err != nil {
				return err
			}
			q = pipe(&gojq.Query{Term: term(q)}, &gojq.Query{Term: r.paid(deep, &gojq.Func{Name: format})})
			q = &gojq.Query{Term: term(q)}
		}
		r.parts++
		if sum == nil {
			sum = q
			continue
		}
		sum = pipe(&gojq.Query{Op: gojq.OpAdd, Left: sum, Right: q}, r.call(shallow))
		sum = &gojq.Query{Term: term(sum)}
	}
	*t = term(sum)
	return nil
}

// paid is a function that is called on its input once that is paid for.
func (r *rewriter) paid(how string, f *gojq.Func) *gojq.Term {
	return term(pipe(r.call(how), &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: f}}))
}

func (r *rewriter) variable(name string) error {
	if why := off[name]; why != "" {
		return fmt.Errorf("%s is off: %s", name, why)
	}
	r.uses[name] = true
	return nil
}

// function rewrites a call.
func (r *rewriter) function(t **gojq.Term) (err error) {
	f := (*t).Func
	if strings.HasPrefix(f.Name, "$") {
		return r.variable(f.Name)
	}
	for i, arg := range f.Args {
		if f.Args[i], err = r.closure(arg); err != nil {
			return err
		}
	}
	called := signature(f.Name, len(f.Args))
	if r.prelude {
		r.uses[called] = true
		return nil
	}
	if slices.Contains(r.scope, called) {
		return nil
	}
	how, known := functions[called]
	switch {
	case off[f.Name] != "":
		return fmt.Errorf("%s is off: %s", f.Name, off[f.Name])
	case !known:
		return fmt.Errorf("there is no function %s with %d arguments", f.Name, len(f.Args))
	case how == elsewhere:
		name := "__" + strings.ToLower(f.Name)
		r.uses[signature(name, len(f.Args))] = true
		f.Name = name
	case how != plain:
		*t = r.paid(how, f)
	}
	return nil
}
