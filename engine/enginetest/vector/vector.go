// Package vector reads and writes golden vectors: files that hold bytes and
// what they mean, for tests in any language.
//
//	type: "OrderPlaced"
//	schema: 1
//
//	0101018f…            hexadecimal, on as many lines as it takes
//
// Lines of "key: value", a blank line, the bytes. Texts are quoted as in JSON
// and Go. The field "expect" says what a reader makes of the bytes: ok, or the
// kind of its error. An old vector never changes: a test writes those that are
// missing when it is run with -write-vectors, and never touches one that is
// there.
package vector

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var write = flag.Bool("write-vectors", false, "write the golden vectors that are missing")

// Vector is one file.
type Vector struct {
	Name   string
	Fields []Field
	Bytes  []byte
}

// Field is one of a vector's lines, in its order.
type Field struct{ Key, Value string }

// F makes a field. Texts are quoted, bytes written in hexadecimal.
func F(key string, value any) Field {
	switch v := value.(type) {
	case string:
		return Field{key, fmt.Sprintf("%q", v)}
	case []byte:
		return Field{key, fmt.Sprintf("%q", v)}
	}
	return Field{key, fmt.Sprint(value)}
}

// Expect makes the field that says what a reader makes of the bytes.
func Expect(what string) Field { return Field{"expect", what} }

// String returns the file's text.
func (v *Vector) String() string {
	var b strings.Builder
	b.WriteString(v.Meaning() + "\n")
	for text := hex.EncodeToString(v.Bytes); text != ""; {
		n := min(64, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

// Meaning returns the lines of the fields.
func (v *Vector) Meaning() string {
	var b strings.Builder
	for _, f := range v.Fields {
		fmt.Fprintf(&b, "%s: %s\n", f.Key, f.Value)
	}
	return b.String()
}

// Get returns a field's value, "" where there is none.
func (v *Vector) Get(key string) string {
	for _, f := range v.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// Read reads a vector.
func Read(path string) (*Vector, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	meaning, bytes, found := strings.Cut(string(text), "\n\n")
	if !found {
		return nil, fmt.Errorf("%s: no blank line between what it means and the bytes", path)
	}
	v := &Vector{Name: filepath.Base(path)}
	for line := range strings.Lines(meaning) {
		key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !found {
			return nil, fmt.Errorf("%s: the line %q is no 'key: value'", path, line)
		}
		v.Fields = append(v.Fields, Field{key, value})
	}
	v.Bytes, err = hex.DecodeString(strings.ReplaceAll(bytes, "\n", ""))
	return v, err
}

// Check compares what the code makes with the vectors in a directory: each
// must be there as a file, as it is, and there must be no other.
func Check(t *testing.T, dir string, made []Vector) {
	t.Helper()
	known := map[string]bool{}
	for i := range made {
		v := &made[i]
		known[v.Name] = true
		path := filepath.Join(dir, v.Name)
		held, err := Read(path)
		if errors.Is(err, fs.ErrNotExist) && *write {
			if err = os.MkdirAll(dir, 0o755); err == nil {
				err = os.WriteFile(path, []byte(v.String()), 0o644)
			}
			held = v
		}
		if err != nil {
			t.Errorf("%v (go test -write-vectors writes the missing ones)", err)
			continue
		}
		if held.String() != v.String() {
			t.Errorf("%s: the code no longer makes what the vector holds. Formats only grow by new versions.\n--- made\n%s--- held\n%s", path, v, held)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("%s: no test knows this vector", filepath.Join(dir, f.Name()))
		}
	}
}
