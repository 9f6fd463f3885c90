package rawjson

import (
	"fmt"
	"unicode/utf8"
)

// DepthMax is how many objects and arrays may lie in one another. Opening a value
// reads over all that is in it, so depth times size is what hostile text can cost.
const DepthMax = 128

// Parse returns the value that a text holds. It fails on what is not one JSON
// value in UTF-8 (RFC 8259), on more than bytesMax bytes, and on one that lies
// deeper than [DepthMax]. It takes time in proportion to the text, and memory
// only to leave out the space between the parts of one that has any.
func Parse(text []byte, bytesMax int) (Value, error) {
	if len(text) > bytesMax {
		return Value{}, fmt.Errorf("it has %d bytes of JSON; at most %d are allowed", len(text), bytesMax)
	}
	s := scanner{b: text}
	s.space()
	start := s.at
	if err := s.value(0); err != nil {
		return Value{}, err
	}
	end := s.at
	s.space()
	if s.at != len(text) {
		return Value{}, fmt.Errorf("not JSON at byte %d: %q after the end of the value", s.at, text[s.at])
	}
	if s.beyondASCII && !utf8.Valid(text) {
		return Value{}, fmt.Errorf("not UTF-8 at byte %d", invalidUTF8(text))
	}
	if text = text[start:end:end]; s.spaced {
		text = squeeze(text)
	}
	return Value{raw: text}, nil
}

// scanner checks a JSON text.
type scanner struct {
	b           []byte
	at          int
	spaced      bool // there is space between the parts of the value
	beyondASCII bool // a string has bytes that are not ASCII
}

func (s *scanner) space() bool {
	start := s.at
	for s.at < len(s.b) && isSpace(s.b[s.at]) {
		s.at++
	}
	return s.at > start
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// inner passes over space within a value.
func (s *scanner) inner() {
	if s.at < len(s.b) && s.b[s.at] <= ' ' && s.space() {
		s.spaced = true
	}
}

// fail says what stands where something else was expected.
func (s *scanner) fail(expected string) error {
	if s.at >= len(s.b) {
		return fmt.Errorf("not JSON: it ends too early, after %d bytes", len(s.b))
	}
	return fmt.Errorf("not JSON at byte %d: %q where %s should be", s.at, s.b[s.at], expected)
}

func (s *scanner) peek() byte {
	if s.at < len(s.b) {
		return s.b[s.at]
	}
	return 0
}

// value passes over one value, which begins here.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); c {
	case '"':
		return s.text()
	case '{', '[':
		if depth == DepthMax {
			return fmt.Errorf("at byte %d it is nested deeper than %d", s.at, DepthMax)
		}
		if c == '{' {
			return s.object(depth + 1)
		}
		return s.array(depth + 1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return s.number()
		}
		return s.fail("a value")
	}
}

func (s *scanner) object(depth int) error {
	s.at++
	if s.inner(); s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.fail("a name in double quotes")
		}
		if err := s.text(); err != nil {
			return err
		}
		if s.inner(); s.peek() != ':' {
			return s.fail("':'")
		}
		s.at++
		s.inner()
		if err := s.value(depth); err != nil {
			return err
		}
		s.inner()
		switch s.peek() {
		case ',':
			s.at++
			s.inner()
		case '}':
			s.at++
			return nil
		default:
			return s.fail("',' or '}'")
		}
	}
}

func (s *scanner) array(depth int) error {
	s.at++
	if s.inner(); s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if err := s.value(depth); err != nil {
			return err
		}
		s.inner()
		switch s.peek() {
		case ',':
			s.at++
			s.inner()
		case ']':
			s.at++
			return nil
		default:
			return s.fail("',' or ']'")
		}
	}
}

func (s *scanner) text() error {
	b, i := s.b, s.at+1
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			s.at = i + 1
			return nil
		case c == '\\':
			n := escape(b[i+1:])
			if n == 0 {
				s.at = i
				return s.fail("an escape that JSON knows")
			}
			i += 1 + n
		case c < ' ':
			s.at = i
			return s.fail("a character of a string (control characters are written as escapes)")
		default:
			if c >= utf8.RuneSelf {
				s.beyondASCII = true
			}
			i++
		}
	}
	s.at = i
	return s.fail("")
}

// escape returns the length of the escape after a backslash, or 0 where it is
// none.
func escape(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(b) < 5 {
			return 0
		}
		for _, c := range b[1:5] {
			if !(isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
				return 0
			}
		}
		return 5
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) word(w string) error {
	if end := s.at + len(w); end <= len(s.b) && string(s.b[s.at:end]) == w {
		s.at = end
		return nil
	}
	return s.fail("a value (" + w + "?)")
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.peek() == '.' {
		s.at++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return nil
}

func (s *scanner) digits() error {
	start := s.at
	for s.at < len(s.b) && isDigit(s.b[s.at]) {
		s.at++
	}
	if s.at == start {
		return s.fail("a digit")
	}
	return nil
}

// squeeze returns valid JSON without the space between its parts.
func squeeze(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case isSpace(c):
			i++
		case c == '"':
			end := textEnd(b, i)
			out = append(out, b[i:end]...)
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

func invalidUTF8(b []byte) int {
	at := 0
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at
}
