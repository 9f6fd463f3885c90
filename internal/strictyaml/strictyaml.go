// Package strictyaml reads the YAML files in which people declare things: one
// document, keys that stand once, no anchors, aliases or tags, so that a small
// file cannot stand for a large one. It gathers every fault with its line, and
// keeps numbers as they are written.
//
// JSON is YAML, so that it reads what it is stored as, too.
package strictyaml

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/rawjson"
)

// The limits of a document.
const (
	DocumentBytesMax = 256 << 10
	FaultsMax        = 20   // that one error names
	numberBytesMax   = 1000 // of a number in a value
)

// Node is a part of a document.
type Node = yaml.Node

// Reader gathers the faults of one document.
type Reader struct {
	faults []string
	more   int // faults beyond those
}

// Fault notes what is wrong with a part of the document.
func (r *Reader) Fault(n *Node, format string, args ...any) {
	if len(r.faults) == FaultsMax {
		r.more++
		return
	}
	r.faults = append(r.faults, fmt.Sprintf("line %d: ", n.Line)+fmt.Sprintf(format, args...))
}

// Count returns how many faults there are.
func (r *Reader) Count() int { return len(r.faults) + r.more }

// Err returns all faults as one ErrInvalid, a line each, or nil.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return Refused(r.faults, r.more)
}

// Refused returns faults, and the number of those that are not named, as one
// ErrInvalid.
func Refused(faults []string, more int) error {
	text := strings.Join(faults, "\n")
	if more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return firn.Errorf(firn.ErrInvalid, "%s", text)
}

// Document returns the root of the one document that the text holds, which
// defines what noun says.
func Document(text []byte, noun string) (*Node, error) {
	if len(text) > DocumentBytesMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "the definition has %d bytes; at most %d are allowed", len(text), DocumentBytesMax)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var root, second Node
	err := d.Decode(&root)
	if err == nil && len(root.Content) == 1 {
		if err = d.Decode(&second); err == nil {
			return nil, firn.Errorf(firn.ErrInvalid, "line %d: a second document begins; one file defines one %s", second.Line, noun)
		}
	}
	switch {
	case err != nil && err != io.EOF:
		return nil, firn.Errorf(firn.ErrInvalid, "the definition is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	case len(root.Content) != 1:
		return nil, firn.Errorf(firn.ErrInvalid, "the definition is empty")
	}
	return root.Content[0], nil
}

// Entry is a key with its value.
type Entry struct {
	Key   string // as it is written, also where YAML would take it for a number
	At    *Node  // the key
	Value *Node
}

// Entries returns what a mapping holds, in the order written.
func (r *Reader) Entries(n *Node, what string) []Entry {
	if !r.Plain(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.Fault(n, "%s is a mapping (key: value), not %s", what, Words(n))
		return nil
	}
	lines := map[string]int{}
	var all []Entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if !r.Plain(k) {
			continue
		}
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
			r.Fault(k, "a key of %s is %s; keys are text", what, Words(k))
			continue
		}
		if line, twice := lines[k.Value]; twice {
			r.Fault(k, "%q stands twice in %s, first in line %d", Clip(k.Value), what, line)
			continue
		}
		lines[k.Value] = k.Line
		all = append(all, Entry{k.Value, k, n.Content[i+1]})
	}
	return all
}

// Items returns what a list holds.
func (r *Reader) Items(n *Node, what string) []*Node {
	if !r.Plain(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.Fault(n, "%s is a list, not %s", what, Words(n))
		return nil
	}
	return n.Content
}

// Text returns a scalar that is text.
func (r *Reader) Text(n *Node, what string) (string, bool) {
	if !r.Plain(n) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.Fault(n, "%s is text, not %s", what, Words(n))
		return "", false
	}
	return n.Value, true
}

// JSON returns a part of the document as compact JSON, which is nested at most so
// deep. Numbers keep their text.
func (r *Reader) JSON(n *Node, depthMax int) (_ []byte, ok bool) { return r.json(nil, n, depthMax) }

func (r *Reader) json(dst []byte, n *Node, depth int) (_ []byte, ok bool) {
	if !r.Plain(n) {
		return dst, false
	}
	if depth == 0 && n.Kind != yaml.ScalarNode {
		r.Fault(n, "the value is nested too deep")
		return dst, false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return r.scalar(dst, n)
	case yaml.SequenceNode:
		dst, ok = append(dst, '['), true
		for i, item := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			var fine bool
			dst, fine = r.json(dst, item, depth-1)
			ok = ok && fine
		}
		return append(dst, ']'), ok
	}
	dst, ok = append(dst, '{'), true
	for i, e := range r.Entries(n, "the value") {
		if i > 0 {
			dst = append(dst, ',')
		}
		var fine bool
		dst, fine = r.json(append(jsonline.AppendString(dst, e.Key), ':'), e.Value, depth-1)
		ok = ok && fine
	}
	return append(dst, '}'), ok
}

func (r *Reader) scalar(dst []byte, n *Node) ([]byte, bool) {
	switch n.Tag {
	case "!!null":
		return append(dst, "null"...), true
	case "!!bool":
		return append(dst, strings.ToLower(n.Value)...), true
	case "!!int", "!!float":
		v, err := rawjson.Parse([]byte(n.Value), numberBytesMax)
		if err != nil || v.Kind() != rawjson.Number || len(v.Bytes()) != len(n.Value) {
			r.Fault(n, "%q is a number, but not one that JSON can write; put it in quotes if it is text", Clip(n.Value))
			return dst, false
		}
		return append(dst, n.Value...), true
	}
	return jsonline.AppendString(dst, n.Value), true
}

// Plain refuses anchors and aliases, which make a small text large, and tags.
func (r *Reader) Plain(n *Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.Fault(n, "anchors and aliases (& and *) are not taken; write it out")
	case n.Style&yaml.TaggedStyle != 0:
		r.Fault(n, "the tag %.40s is not taken", n.Tag)
	default:
		return true
	}
	return false
}

// Words says what a part of the document is.
func Words(n *Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	}
	return strconv.Quote(Clip(n.Value))
}

// Clip returns as much of a text as fits into a message.
func Clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
