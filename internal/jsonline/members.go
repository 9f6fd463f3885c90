package jsonline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Member is one member of an object, with its value as it was written.
type Member struct {
	Name  string
	Value []byte // points into the bytes that were parsed
	Start int    // of the name, in these bytes
}

// Members returns the members of an object in the order written. A name that
// stands twice is an error: which of the two is meant cannot be known.
func Members(b []byte) ([]Member, error) {
	if err := Check(b); err != nil {
		return nil, err
	}
	w := walker{b: b}
	if w.next() != '{' {
		return nil, errors.New("not a JSON object ({…})")
	}
	all := make([]Member, 0, 12)
	for w.at++; w.next() != '}'; {
		if b[w.at] == ',' {
			w.at++
			w.next()
		}
		m := Member{Start: w.at}
		name := w.value()
		m.Name = unquote(name)
		w.next()
		w.at++ // the colon
		w.next()
		m.Value = w.value()
		all = append(all, m)
	}
	return all, repeated(all)
}

// Elements returns the elements of a list, each as it was written. More of them
// than most is an error.
func Elements(b []byte, most int) ([][]byte, error) {
	if err := Check(b); err != nil {
		return nil, err
	}
	w := walker{b: b}
	if w.next() != '[' {
		return nil, errors.New("not a JSON list ([…])")
	}
	var all [][]byte
	for w.at++; w.next() != ']'; {
		if b[w.at] == ',' {
			w.at++
			w.next()
		}
		if len(all) == most {
			return nil, fmt.Errorf("a list of more than %d elements", most)
		}
		all = append(all, w.value())
	}
	return all, nil
}

// Check says where a text is no JSON, or nil.
func Check(b []byte) error {
	if i := invalidUTF8(b); i >= 0 {
		return fmt.Errorf("not UTF-8 at byte %d", i)
	}
	if !json.Valid(b) {
		return syntax(b)
	}
	return nil
}

// walker walks over JSON that is known to be valid, so that it never looks
// beyond the end.
type walker struct {
	b  []byte
	at int
}

// next passes over space and returns the byte behind it.
func (w *walker) next() byte {
	for w.b[w.at] == ' ' || w.b[w.at] == '\t' || w.b[w.at] == '\n' || w.b[w.at] == '\r' {
		w.at++
	}
	return w.b[w.at]
}

// value passes over the value that begins here and returns it.
func (w *walker) value() []byte {
	start, depth := w.at, 0
	for {
		switch c := w.b[w.at]; c {
		case '"':
			w.quoted()
		case '{', '[':
			depth++
			w.at++
		case '}', ']':
			depth--
			w.at++
		default:
			for depth == 0 && !bytes.ContainsRune([]byte(",}] \t\n\r"), rune(w.b[w.at])) {
				w.at++ // a number, true, false or null
			}
			if depth > 0 {
				w.at++
			}
		}
		if depth == 0 {
			return w.b[start:w.at:w.at]
		}
	}
}

// quoted passes over the string that begins here.
func (w *walker) quoted() {
	for w.at++; w.b[w.at] != '"'; w.at++ {
		if w.b[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
}

func repeated(all []Member) error {
	if len(all) <= 16 { // as most have, where looking at each pair is faster
		for i := range all {
			for j := range i {
				if all[i].Name == all[j].Name {
					return errTwice(all[i].Name)
				}
			}
		}
		return nil
	}
	seen := make(map[string]bool, len(all))
	for i := range all {
		if seen[all[i].Name] {
			return errTwice(all[i].Name)
		}
		seen[all[i].Name] = true
	}
	return nil
}

func errTwice(name string) error {
	return fmt.Errorf("the name %.64q stands twice in one object", name)
}

// unquote returns the text of a valid JSON string.
func unquote(value []byte) string {
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1])
	}
	var s string
	json.Unmarshal(value, &s) // it is valid
	return s
}

// String returns the member's value where it is a string.
func (m *Member) String() (string, error) {
	if m.Value[0] != '"' {
		return "", fmt.Errorf("%s is %.40s; it must be a string", m.Name, m.Value)
	}
	return unquote(m.Value), nil
}

// IsNull reports whether the member's value is null.
func (m *Member) IsNull() bool { return string(m.Value) == "null" }

// syntax says where JSON goes wrong.
func syntax(b []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(b, &whole)
	var at *json.SyntaxError
	if errors.As(err, &at) && at.Error() != "unexpected end of JSON input" {
		return fmt.Errorf("not JSON at byte %d: %v", at.Offset, err)
	}
	return fmt.Errorf("not JSON: it ends too early, after %d bytes", len(b))
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
