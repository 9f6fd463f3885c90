package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// Limits of definitions. All that are in force are kept in memory.
const (
	DefinitionNameMax  = 128      // bytes
	DefinitionBytesMax = 1 << 20  // of one body
	definedBytesMax    = 64 << 20 // of all names and bodies in force
)

// Definition is one version of a definition. Its body is not to be changed.
type Definition struct {
	Class    command.Class
	Name     string
	Version  uint64        // from 1, one higher with each change, the end included
	Position firn.Position // of the event that records it
	Time     time.Time
	Actor    string
	Body     []byte // JSON; empty: with this version the definition ended
}

// The value of d:
//
//	version             1
//	definition version  uvarint
//	time                uvarint, µs since 1970
//	actor               uvarint length, bytes
//	body                uvarint length, bytes
func (d *Definition) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, valueVersion), d.Version)
	dst = binary.AppendUvarint(dst, uint64(record.Micros(d.Time)))
	return appendBytes(appendBytes(dst, d.Actor), d.Body)
}

// parseDefinition takes a d key and its value apart. The body is a copy.
func parseDefinition(key, value []byte) (d Definition, err error) {
	var ok bool
	d.Class, d.Name, d.Position, ok = parseDefinedKey(key)
	r := readValue(value)
	d.Version, d.Time = r.uvarint(), record.Time(int64(r.uvarint()))
	d.Actor, d.Body = string(r.bytes()), slices.Clone(r.bytes())
	if !ok || !r.done() || d.Version == 0 {
		return Definition{}, damagedValue(key, value)
	}
	return d, nil
}

func (d *Definition) bytes() int { return len(d.Name) + len(d.Body) }

// event returns the type and the data of the event that records the version.
// The data's bytes are part of what replicas must agree on.
func (d *Definition) event() (typ string, data []byte) {
	data = fmt.Appendf(nil, `{"class":%q,"name":%q,"version":%d`, d.Class, d.Name, d.Version)
	if len(d.Body) == 0 {
		return "$" + d.Class.String() + "-deleted", append(data, '}')
	}
	return "$" + d.Class.String() + "-defined", append(append(append(data, `,"definition":`...), d.Body...), '}')
}

// versionIn returns the version that an event of the stream of definitions
// records.
func versionIn(data []byte) (uint64, bool) {
	var fields struct {
		Version uint64 `json:"version"`
	}
	err := json.Unmarshal(data, &fields)
	return fields.Version, err == nil
}

// CheckDefinition says what is wrong with a definition by itself, or nil. What
// its body means is its class's to say.
func CheckDefinition(class command.Class, name string, body []byte) error {
	marks, allowed := "._-", "'.', '_' or '-'"
	if class == command.ClassUser { // as certificates name them
		marks, allowed = "._-@+", "'.', '_', '-', '@' or '+'"
	}
	odd := func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune(marks, r))
	}
	switch {
	case !class.Known():
		return firn.Errorf(firn.ErrInvalid, "a definition of class %d; the classes are 1 to %d", class, len(command.Classes()))
	case name == "" || len(name) > DefinitionNameMax || strings.ContainsFunc(name, odd):
		return firn.Errorf(firn.ErrInvalid, "the name %.140q of a %s; give 1 to %d letters, digits, %s", name, class, DefinitionNameMax, allowed)
	case len(body) > DefinitionBytesMax:
		return firn.Errorf(firn.ErrTooLarge, "the %s %s has %d bytes; at most %d are allowed", class, name, len(body), DefinitionBytesMax)
	case len(body) > 0 && !json.Valid(body):
		return firn.Errorf(firn.ErrInvalid, "the %s %s is not JSON", class, name)
	}
	return nil
}
