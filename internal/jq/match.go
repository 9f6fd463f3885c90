package jq

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

type patternKey struct{ text, flags string }

// pattern is a compiled regular expression.
type pattern struct {
	re    *regexp.Regexp
	after *regexp.Regexp // finds the first match behind one character, in group 1; nil: the pattern does not look back
	size  int            // instructions
}

// compilePattern compiles a regular expression, within bounds.
func (m *machine) compilePattern(text, flags string) (*pattern, error) {
	key := patternKey{text, strings.ReplaceAll(flags, "g", "")}
	if p := m.patterns[key]; p != nil {
		return p, nil
	}
	if len(text) > patternBytes {
		return nil, fmt.Errorf("a regular expression of %d bytes; at most %d are allowed", len(text), patternBytes)
	}
	if i := strings.IndexFunc(flags, func(r rune) bool { return r != 'g' && r != 'i' && r != 'm' }); i >= 0 {
		return nil, fmt.Errorf("unsupported regular expression flag: %q", flags)
	}
	source := text
	if strings.Contains(flags, "i") {
		source = "(?i)" + source
	}
	if strings.Contains(flags, "m") {
		source = "(?s)" + source
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression %q: %s", text, err)
	}
	p := &pattern{size: patternCost(tree)}
	if p.size > patternSize {
		return nil, fmt.Errorf("the regular expression %.60q has %d instructions; at most %d are allowed", text, p.size, patternSize)
	}
	if err := m.pay(16 * p.size); err != nil {
		return nil, err
	}
	if p.re, err = regexp.Compile(source); err != nil {
		return nil, fmt.Errorf("invalid regular expression %q: %s", text, err)
	}
	if looksBack(tree) {
		if p.after, err = regexp.Compile(`\A(?s:.)(?s:.*?)(` + source + `)`); err != nil {
			return nil, fmt.Errorf("invalid regular expression %q: %s", text, err)
		}
	}
	if len(m.patterns) < 2*patternsKept {
		m.patterns[key] = p
	}
	return p, nil
}

// patternCost returns about how many instructions a pattern is compiled to.
func patternCost(re *syntax.Regexp) int {
	cost := 1 + len(re.Rune)/2
	for _, sub := range re.Sub {
		cost += patternCost(sub)
	}
	if re.Op == syntax.OpRepeat {
		cost *= max(re.Max, re.Min+1)
	}
	return min(cost, 1<<30)
}

// looksBack reports whether what a pattern matches depends on what stands
// before the match.
func looksBack(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	for _, sub := range re.Sub {
		if looksBack(sub) {
			return true
		}
	}
	return false
}

// find returns the first match in s at or behind byte from, as regexp does, or nil.
func (p *pattern) find(s string, from int) []int {
	var at []int
	base := from
	switch {
	case from == 0:
		at = p.re.FindStringSubmatchIndex(s)
	case p.after == nil:
		at = p.re.FindStringSubmatchIndex(s[from:])
	default:
		_, width := utf8.DecodeLastRuneInString(s[:from])
		base = from - width
		if at = p.after.FindStringSubmatchIndex(s[base:]); at != nil {
			at = at[2:]
		}
	}
	for i := range at {
		if at[i] >= 0 {
			at[i] += base
		}
	}
	return at
}

// each calls f for every match in s, or only for the first one, and pays for
// the search. Behind an empty match it goes on with the next character.
func (m *machine) eachMatch(p *pattern, s string, all bool, f func(at []int) error) error {
	if err := m.pay(len(s)/16 + len(s)*p.size/32); err != nil {
		return err
	}
	for from := 0; from <= len(s); {
		at := p.find(s, from)
		if at == nil {
			return nil
		}
		if err := m.pay(8 + (at[1]-at[0])*len(at)/16 + 4*len(at)); err != nil {
			return err
		}
		if err := f(at); err != nil {
			return err
		}
		if !all {
			return nil
		}
		from = at[1]
		if at[0] == at[1] {
			_, width := utf8.DecodeRuneInString(s[from:])
			from += max(width, 1)
		}
	}
	return nil
}

// search is what match, test and the others are asked with.
func (m *machine) search(v, re, flags any) (p *pattern, s string, all bool, err error) {
	s, ok := v.(string)
	if !ok {
		return nil, "", false, fmt.Errorf("only a string can be matched, not %s", kindOf(v))
	}
	text, ok := re.(string)
	if !ok {
		return nil, "", false, fmt.Errorf("a regular expression is a string, not %s", kindOf(re))
	}
	options, ok := flags.(string)
	if !ok && flags != nil {
		return nil, "", false, fmt.Errorf("a regular expression's flags are a string, not %s", kindOf(flags))
	}
	p, err = m.compilePattern(text, options)
	return p, s, strings.Contains(options, "g"), err
}

func (m *machine) matches() []gojq.CompilerOption {
	return []gojq.CompilerOption{
		gojq.WithFunction("__found", 3, 3, func(v any, args []any) any {
			p, s, all, err := m.search(v, args[0], args[1])
			if err != nil {
				return err
			}
			if args[2] == true {
				found := false
				if err := m.eachMatch(p, s, false, func([]int) error { found = true; return nil }); err != nil {
					return err
				}
				return found
			}
			return m.found(p, s, all)
		}),
		gojq.WithFunction("__cut", 2, 2, func(v any, args []any) any {
			p, s, all, err := m.search(v, args[0], args[1])
			if err != nil {
				return err
			}
			return m.cut(p, s, all)
		}),
	}
}

// found returns the matches as jq's match gives them: offsets and lengths count
// characters.
func (m *machine) found(p *pattern, s string, all bool) any {
	matches := []any{}
	names := p.re.SubexpNames()
	bytes, runes := 0, 0
	err := m.eachMatch(p, s, all, func(at []int) error {
		runes += utf8.RuneCountInString(s[bytes:at[0]])
		bytes = at[0]
		captures := make([]any, 0, len(at)/2-1)
		for i := 2; i < len(at); i += 2 {
			var name any
			if n := names[i/2]; n != "" {
				name = n
			}
			capture := map[string]any{"name": name, "offset": -1, "length": 0, "string": nil}
			if at[i] >= 0 {
				capture["offset"] = runes + utf8.RuneCountInString(s[at[0]:at[i]])
				capture["length"] = utf8.RuneCountInString(s[at[i]:at[i+1]])
				capture["string"] = s[at[i]:at[i+1]]
			}
			captures = append(captures, capture)
		}
		text := s[at[0]:at[1]]
		matches = append(matches, map[string]any{"offset": runes, "length": utf8.RuneCountInString(text), "string": text, "captures": captures})
		return nil
	})
	if err != nil {
		return err
	}
	return matches
}

// cut returns, for each match, what stands between it and the one before, with
// the named captures; and what stands behind the last.
func (m *machine) cut(p *pattern, s string, all bool) any {
	pieces := []any{}
	names := p.re.SubexpNames()
	last := 0
	err := m.eachMatch(p, s, all, func(at []int) error {
		captures := map[string]any{}
		for i := 2; i < len(at); i += 2 {
			if name := names[i/2]; name != "" {
				captures[name] = nil
				if at[i] >= 0 {
					captures[name] = s[at[i]:at[i+1]]
				}
			}
		}
		pieces = append(pieces, map[string]any{"before": s[last:at[0]], "captures": captures})
		last = at[1]
		return nil
	})
	if err != nil {
		return err
	}
	return []any{pieces, s[last:]}
}
