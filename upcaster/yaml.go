package upcaster

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/rawjson"
)

// faultsMax is how many faults one error names.
const faultsMax = 20

// reader reads a YAML document strictly and gathers every fault in it.
type reader struct {
	faults []string
	more   int // faults beyond those
}

func (r *reader) fault(n *yaml.Node, format string, args ...any) {
	if len(r.faults) == faultsMax {
		r.more++
		return
	}
	r.faults = append(r.faults, fmt.Sprintf("line %d: ", n.Line)+fmt.Sprintf(format, args...))
}

func (r *reader) count() int { return len(r.faults) + r.more }

// err returns all faults as one error, or nil.
func (r *reader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return refused(r.faults, r.more)
}

// refused returns the faults as one error.
func refused(faults []string, more int) error {
	text := strings.Join(faults, "\n")
	if more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return firn.Errorf(firn.ErrInvalid, "%s", text)
}

// document returns the root of the one document that the text holds.
func document(text []byte) (*yaml.Node, error) {
	if len(text) > DefinitionBytesMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "the definition has %d bytes; at most %d are allowed", len(text), DefinitionBytesMax)
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	var root, second yaml.Node
	err := dec.Decode(&root)
	if err == nil && len(root.Content) == 1 {
		if err = dec.Decode(&second); err == nil {
			return nil, firn.Errorf(firn.ErrInvalid, "line %d: a second document begins; one file defines one upcaster", second.Line)
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

type entry struct {
	key   string
	at    *yaml.Node // the key
	value *yaml.Node
}

// entries returns what a mapping holds, in the order written. Keys that stand
// twice are faults. A key is the text that is written, also where YAML would
// take it for a number.
func (r *reader) entries(n *yaml.Node, what string) []entry {
	if !r.plain(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.fault(n, "%s is a mapping (key: value), not %s", what, kindWords(n))
		return nil
	}
	lines := map[string]int{}
	var all []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if !r.plain(k) {
			continue
		}
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
			r.fault(k, "a key of %s is %s; keys are text", what, kindWords(k))
			continue
		}
		if line, twice := lines[k.Value]; twice {
			r.fault(k, "%q stands twice in %s, first in line %d", clip(k.Value), what, line)
			continue
		}
		lines[k.Value] = k.Line
		all = append(all, entry{k.Value, k, n.Content[i+1]})
	}
	return all
}

// items returns what a list holds.
func (r *reader) items(n *yaml.Node, what string) []*yaml.Node {
	if !r.plain(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n, "%s is a list, not %s", what, kindWords(n))
		return nil
	}
	return n.Content
}

// text returns a scalar that is text.
func (r *reader) text(n *yaml.Node, what string) (string, bool) {
	if !r.plain(n) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.fault(n, "%s is text, not %s", what, kindWords(n))
		return "", false
	}
	return n.Value, true
}

// number returns a schema version.
func (r *reader) number(n *yaml.Node, what string) uint32 {
	if !r.plain(n) {
		return 0
	}
	v, err := strconv.ParseUint(n.Value, 10, 31)
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil:
		r.fault(n, "%s is a schema version, a whole number from 1 to 2147483647, not %s", what, kindWords(n))
	case v == 0:
		r.fault(n, "%s is 0; events without a schema version count as version 1, so write 1", what)
	}
	return uint32(v)
}

// plain refuses anchors and aliases, which would make a small text large, and
// tags.
func (r *reader) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.fault(n, "anchors and aliases (& and *) are not taken; write it out")
	case n.Style&yaml.TaggedStyle != 0:
		r.fault(n, "the tag %.40s is not taken", n.Tag)
	default:
		return true
	}
	return false
}

// json returns a YAML value as JSON. Numbers keep their text.
func (r *reader) json(n *yaml.Node, depth int) (rawjson.Value, bool) {
	b, ok := r.appendJSON(nil, n, depth)
	if !ok {
		return rawjson.Value{}, false
	}
	v, err := rawjson.Parse(b, DefinitionBytesMax)
	if err != nil {
		r.fault(n, "%v", err)
	}
	return v, err == nil
}

func (r *reader) appendJSON(dst []byte, n *yaml.Node, depth int) (_ []byte, ok bool) {
	if !r.plain(n) {
		return dst, false
	}
	if depth > rawjson.DepthMax/2 {
		r.fault(n, "the value is nested too deep")
		return dst, false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return r.appendScalar(dst, n)
	case yaml.SequenceNode:
		dst, ok = append(dst, '['), true
		for i, item := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			var fine bool
			dst, fine = r.appendJSON(dst, item, depth+1)
			ok = ok && fine
		}
		return append(dst, ']'), ok
	}
	dst, ok = append(dst, '{'), true
	for i, e := range r.entries(n, "the value") {
		if i > 0 {
			dst = append(dst, ',')
		}
		var fine bool
		dst, fine = r.appendJSON(append(jsonline.AppendString(dst, e.key), ':'), e.value, depth+1)
		ok = ok && fine
	}
	return append(dst, '}'), ok
}

func (r *reader) appendScalar(dst []byte, n *yaml.Node) ([]byte, bool) {
	switch n.Tag {
	case "!!null":
		return append(dst, "null"...), true
	case "!!bool":
		return append(dst, strings.ToLower(n.Value)...), true
	case "!!int", "!!float":
		if _, err := numberOf(n.Value); err != nil {
			r.fault(n, "%q is a number, but not one that JSON can write; put it in quotes if it is text", clip(n.Value))
			return dst, false
		}
		return append(dst, n.Value...), true
	}
	return jsonline.AppendString(dst, n.Value), true
}

func kindWords(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	}
	return strconv.Quote(clip(n.Value))
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

var errNoNumber = errors.New("is no number as JSON writes them")

// numberOf returns the number that a text writes.
func numberOf(text string) (rawjson.Value, error) {
	if text == "" || len(text) > digitsMax {
		return rawjson.Value{}, errNoNumber
	}
	v, err := rawjson.Parse([]byte(text), digitsMax)
	if err != nil || v.Kind() != rawjson.Number || len(v.Bytes()) != len(text) {
		return rawjson.Value{}, errNoNumber
	}
	return v, nil
}
