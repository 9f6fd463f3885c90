package upcaster

import (
	"errors"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/firndb/firn/internal/rawjson"
	"github.com/firndb/firn/internal/strictyaml"
)

// reader reads a definition and gathers every fault in it.
type reader struct{ strictyaml.Reader }

// number returns a schema version.
func (r *reader) number(n *yaml.Node, what string) uint32 {
	if !r.Plain(n) {
		return 0
	}
	v, err := strconv.ParseUint(n.Value, 10, 31)
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil:
		r.Fault(n, "%s is a schema version, a whole number from 1 to 2147483647, not %s", what, strictyaml.Words(n))
	case v == 0:
		r.Fault(n, "%s is 0; events without a schema version count as version 1, so write 1", what)
	}
	return uint32(v)
}

// json returns a YAML value as JSON. Numbers keep their text.
func (r *reader) json(n *yaml.Node) (rawjson.Value, bool) {
	b, ok := r.JSON(n, rawjson.DepthMax/2)
	if !ok {
		return rawjson.Value{}, false
	}
	v, err := rawjson.Parse(b, DefinitionBytesMax)
	if err != nil {
		r.Fault(n, "%v", err)
	}
	return v, err == nil
}

func clip(s string) string { return strictyaml.Clip(s) }

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
