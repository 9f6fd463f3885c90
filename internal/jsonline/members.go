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
	Value json.RawMessage
	Start int // of the name, in the bytes that were parsed
}

// Members returns the members of an object in the order written. A name that
// stands twice is an error: which of the two is meant cannot be known.
func Members(b []byte) ([]Member, error) {
	if i := invalidUTF8(b); i >= 0 {
		return nil, fmt.Errorf("not UTF-8 at byte %d", i)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	first, err := dec.Token()
	if err != nil {
		return nil, syntax(b, err)
	}
	if first != json.Delim('{') {
		return nil, errors.New("not a JSON object ({…})")
	}
	var all []Member
	seen := map[string]bool{}
	for dec.More() {
		var m Member
		m.Start = bytes.IndexByte(b[dec.InputOffset():], '"') + int(dec.InputOffset())
		name, err := dec.Token()
		if err != nil {
			return nil, syntax(b, err)
		}
		m.Name = name.(string) // inside an object the decoder gives nothing else here
		if err := dec.Decode(&m.Value); err != nil {
			return nil, syntax(b, err)
		}
		if seen[m.Name] {
			return nil, fmt.Errorf("the name %q stands twice in one object", m.Name)
		}
		seen[m.Name] = true
		all = append(all, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, syntax(b, err)
	}
	if rest := bytes.TrimSpace(b[dec.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("something follows the JSON object: %.32q", rest)
	}
	return all, nil
}

// String returns the member's value where it is a string.
func (m *Member) String() (string, error) {
	var s string
	if len(m.Value) == 0 || m.Value[0] != '"' || json.Unmarshal(m.Value, &s) != nil {
		return "", fmt.Errorf("%s is %.40s; it must be a string", m.Name, m.Value)
	}
	return s, nil
}

// IsNull reports whether the member's value is null.
func (m *Member) IsNull() bool { return string(m.Value) == "null" }

// syntax says where the JSON goes wrong. The stream decoder counts from where it
// last stood, so the whole is parsed again for the place.
func syntax(b []byte, err error) error {
	var whole json.RawMessage
	if again := json.Unmarshal(b, &whole); again != nil {
		err = again
	}
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
