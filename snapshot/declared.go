package snapshot

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jq"
	"github.com/firndb/firn/internal/jsonline"
)

// Declared is a fold that was declared in the store: for each type of event a
// rule.
type Declared struct {
	name     string
	category string // "": Merge, which is of every category
	initial  []byte // compact JSON
	rules    map[string]rule
	rest     rule // for the types without a rule
	jq       bool // there is a jq expression among the rules
}

// rule says what an event of a type does to the state.
type rule struct {
	text    string      // "merge", "ignore", "fail", or a jq expression
	program *jq.Program // nil: one of the words
}

// The words that a rule may be, instead of a jq expression.
const (
	merge  = "merge"  // merge the event's data into the state
	ignore = "ignore" // leave the state as it is
	fail   = "fail"   // an event of this type is a fault
)

// otherTypes stands for the types that have no rule.
const otherTypes = "*"

// rulesVersion counts up when the words come to mean something else, so that
// snapshots made before are not used.
const rulesVersion = 1

// Merge is the built-in fold: each event's data is merged into the state, which
// begins as {}, as a JSON Merge Patch (RFC 7396). Values are carried over as they
// are written, members stay in the order in which they first came.
var Merge = &Declared{name: "merge", initial: []byte("{}"), rest: rule{text: merge}}

// Name returns the fold's name.
func (d *Declared) Name() string { return d.name }

// Category returns the category whose streams the fold is for; "" for Merge,
// which is for all.
func (d *Declared) Category() string { return d.category }

// Types returns the types of events that have a rule, sorted.
func (d *Declared) Types() []string { return slices.Sorted(maps.Keys(d.rules)) }

// JSON returns the declaration in its canonical form, which [Parse] reads. Two
// that differ in spelling alone have the same.
func (d *Declared) JSON() []byte {
	var o jsonline.Object
	o.String("fold", d.name)
	o.String("category", d.category)
	d.program(&o)
	return o.Bytes()
}

// program adds what the fold does.
func (d *Declared) program(o *jsonline.Object) {
	o.JSON("initial", d.initial)
	var on jsonline.Object
	for _, typ := range d.Types() {
		on.String(typ, d.rules[typ].text)
	}
	on.String(otherTypes, d.rest.text)
	o.JSON("on", on.Bytes())
}

// Version hashes what the fold does, not what it is called.
func (d *Declared) Version(upcasters []byte) firn.FoldVersion {
	var o jsonline.Object
	d.program(&o)
	runs := ""
	if d.jq {
		runs = jq.Version
	}
	return versionOf(fmt.Append(nil, "declared ", rulesVersion), o.Bytes(), []byte(runs), upcasters)
}

// Start returns the initial state, or one that is given.
func (d *Declared) Start(state []byte) (State, error) {
	if state == nil {
		state = d.initial
	}
	if d.jq {
		return d.startValue(state)
	}
	return d.startTree(bytes.Clone(state))
}

// rule returns the rule for a type.
func (d *Declared) rule(typ string) *rule {
	if r, ok := d.rules[typ]; ok {
		return &r
	}
	return &d.rest
}
