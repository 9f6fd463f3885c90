package rawjson

import (
	"fmt"
	"strconv"
	"strings"
)

// PointerTokensMax is how many steps a pointer may have.
const PointerTokensMax = 32

// Pointer is the address of a value in a JSON value (RFC 6901). The zero Pointer
// is the whole.
type Pointer struct {
	text   string
	tokens []token
}

// token is one step of a pointer: the name of a member, or the place of an item.
type token struct {
	name  Name
	text  string
	index int // -1: no place
}

// endOfArray is the index of the token "-", the place behind the last item.
const endOfArray = -2

// ParsePointer returns the pointer that a text writes.
func ParsePointer(text string) (Pointer, error) {
	p := Pointer{text: text}
	if text == "" {
		return p, nil
	}
	if text[0] != '/' {
		return p, fmt.Errorf("%.64q is no JSON Pointer: it must begin with '/', as in /customer/name", text)
	}
	parts := strings.Split(text[1:], "/")
	if len(parts) > PointerTokensMax {
		return p, fmt.Errorf("the JSON Pointer %.64q has %d steps; at most %d are allowed", text, len(parts), PointerTokensMax)
	}
	for _, part := range parts {
		for i := 0; i < len(part); i++ {
			if part[i] == '~' && (i+1 == len(part) || part[i+1] != '0' && part[i+1] != '1') {
				return p, fmt.Errorf("%.64q is no JSON Pointer: '~' is written ~0, and '/' within a name ~1", text)
			}
		}
		name := strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		p.tokens = append(p.tokens, token{name: NewName(name), text: name, index: indexOf(name)})
	}
	return p, nil
}

func indexOf(text string) int {
	if text == "-" {
		return endOfArray
	}
	if text == "" || len(text) > 9 || text[0] == '0' && len(text) > 1 {
		return -1
	}
	for i := range len(text) {
		if !isDigit(text[i]) {
			return -1
		}
	}
	n, _ := strconv.Atoi(text) // at most nine digits
	return n
}

// EscapeToken returns a name as a pointer writes it, without the slash before it.
func EscapeToken(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func (p Pointer) String() string { return p.text }

// IsRoot reports whether the pointer is the whole value.
func (p Pointer) IsRoot() bool { return len(p.tokens) == 0 }

// Contains reports whether the value at o lies within the value at p, or is it.
func (p Pointer) Contains(o Pointer) bool {
	if len(p.tokens) > len(o.tokens) {
		return false
	}
	for i := range p.tokens {
		if p.tokens[i].text != o.tokens[i].text {
			return false
		}
	}
	return true
}

// AtEnd reports whether the pointer ends in "-", the place behind an array's
// last item.
func (p Pointer) AtEnd() bool {
	return len(p.tokens) > 0 && p.tokens[len(p.tokens)-1].index == endOfArray
}

// Sibling reports whether two pointers differ in nothing but their last name.
func (p Pointer) Sibling(o Pointer) bool {
	last := len(p.tokens) - 1
	return last >= 0 && last == len(o.tokens)-1 && Pointer{tokens: p.tokens[:last]}.Contains(Pointer{tokens: o.tokens[:last]})
}

// head is the text of the pointer's first n steps.
func (p Pointer) head(n int) string {
	var b strings.Builder
	for _, t := range p.tokens[:n] {
		b.WriteString("/" + EscapeToken(t.text))
	}
	return b.String()
}

func (v *Value) step(t *token) *Value {
	if v.Kind() == Array {
		return v.Item(t.index)
	}
	return v.Member(t.name)
}

// Get returns the value at p, or nil where there is none. It opens what lies
// above it.
func (v *Value) Get(p Pointer) *Value {
	for i := range p.tokens {
		if v = v.step(&p.tokens[i]); v == nil {
			return nil
		}
	}
	return v
}

// Put gives the value at p another value. Objects that are missing on the way are
// made; an item is replaced, and the place "-" of an array is behind its end. It
// fails where something on the way is neither an object nor an array, or an array
// has no such place.
func (v *Value) Put(p Pointer, value Value) error {
	if p.IsRoot() {
		*v = value
		return nil
	}
	last := len(p.tokens) - 1
	for i := range p.tokens[:last] {
		t := &p.tokens[i]
		next := v.step(t)
		if next == nil {
			if !v.SetMember(t.name, EmptyObject()) {
				return p.blocked(v, i)
			}
			next = v.Member(t.name)
		}
		v = next
	}
	t := &p.tokens[last]
	if v.SetMember(t.name, value) {
		return nil
	}
	if item := v.Item(t.index); item != nil {
		*item = value
		return nil
	}
	if t.index == endOfArray && v.InsertItem(v.Len(), value) {
		return nil
	}
	return p.blocked(v, last)
}

// blocked says why the n-th step of the pointer cannot be made from v.
func (p Pointer) blocked(v *Value, n int) error {
	where := p.head(n)
	if n == 0 {
		where = "the whole"
	}
	if v.Kind() == Array {
		return fmt.Errorf("%s is an array of %d items and has no place %.64q", where, v.Len(), p.tokens[n].text)
	}
	return fmt.Errorf("%s is %v, which can hold no %.64q", where, v.Kind(), p.tokens[n].text)
}

// Remove takes the value at p out and returns it; None where there was none. The
// items behind an item that is removed move up. The whole cannot be removed.
func (v *Value) Remove(p Pointer) Value {
	if p.IsRoot() {
		return Value{}
	}
	last := len(p.tokens) - 1
	if v = v.Get(Pointer{tokens: p.tokens[:last]}); v == nil {
		return Value{}
	}
	t := &p.tokens[last]
	if v.Kind() == Array {
		return v.RemoveItem(t.index)
	}
	return v.RemoveMember(t.name)
}

// Rename gives the member at p the last name of to, in its place, where the two
// differ in nothing else, lie in an object, and nothing stands at to. It reports
// whether it did.
func (v *Value) Rename(p, to Pointer) bool {
	if !p.Sibling(to) {
		return false
	}
	last := len(p.tokens) - 1
	if v = v.Get(Pointer{tokens: p.tokens[:last]}); v == nil {
		return false
	}
	return v.RenameMember(p.tokens[last].name, to.tokens[last].name)
}
