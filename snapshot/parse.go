package snapshot

import (
	"errors"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jq"
	"github.com/firndb/firn/internal/rawjson"
	"github.com/firndb/firn/internal/strictyaml"
)

// RulesMax is how many rules a fold may have.
const RulesMax = 1000

// Parse reads the declaration of a fold, in YAML or JSON:
//
//	fold: cart
//	category: order
//	initial: {items: []}
//	on:
//	  ItemAdded: .items += [$event.data.item]
//	  "*": merge
//
// The error is an ErrInvalid that names all faults with their lines.
func Parse(text []byte) (*Declared, error) {
	root, err := strictyaml.Document(text, "fold")
	if err != nil {
		return nil, err
	}
	d := &Declared{initial: []byte("{}"), rules: map[string]rule{}, rest: rule{text: ignore}}
	var r strictyaml.Reader
	found := map[string]bool{}
	for _, e := range r.Entries(root, "the definition") {
		found[e.Key] = true
		switch e.Key {
		case "fold":
			if d.name, _ = r.Text(e.Value, "fold"); d.name != "" {
				fault(&r, e.Value, checkName(d.name))
			}
		case "category":
			if d.category, _ = r.Text(e.Value, "category"); d.category != "" {
				fault(&r, e.Value, firn.CheckCategory(d.category))
			}
		case "initial":
			d.initial, _ = r.JSON(e.Value, rawjson.DepthMax)
		case "on":
			d.parseRules(&r, e.Value)
		default:
			r.Fault(e.At, "%q is not known; a fold has fold, category, initial and on", strictyaml.Clip(e.Key))
		}
	}
	for _, key := range []string{"fold", "category", "on"} {
		if !found[key] {
			r.Fault(root, "%s is missing", key)
		}
	}
	if found["fold"] && d.name == "" || found["category"] && d.category == "" {
		r.Fault(root, "fold and category must not be empty")
	}
	return d, r.Err()
}

// checkName says what is wrong with the name of a declared fold.
func checkName(name string) error {
	if name == Merge.name {
		return errors.New("merge is the name of the built-in fold; choose another one")
	}
	return firn.CheckFoldName(name)
}

func fault(r *strictyaml.Reader, n *strictyaml.Node, err error) {
	if err != nil {
		r.Fault(n, "%v", err)
	}
}

func (d *Declared) parseRules(r *strictyaml.Reader, n *strictyaml.Node) {
	entries := r.Entries(n, "on")
	if len(entries) > RulesMax {
		r.Fault(n, "on has %d rules; at most %d are allowed", len(entries), RulesMax)
		return
	}
	for _, e := range entries {
		text, ok := r.Text(e.Value, "the rule for "+strictyaml.Clip(e.Key))
		if !ok {
			continue
		}
		rule := rule{text: strings.TrimSpace(text)}
		switch rule.text {
		case merge, ignore, fail:
		default:
			var err error
			if rule.program, err = jq.Compile(rule.text, "$event"); err != nil {
				r.Fault(e.Value, "the rule for %s: %v", strictyaml.Clip(e.Key), err)
			}
			d.jq = true
		}
		switch {
		case e.Key == otherTypes:
			d.rest = rule
		case e.Key == "" || len(e.Key) > firn.TypeBytesMax:
			r.Fault(e.At, "a type of %d bytes; give it 1 to %d", len(e.Key), firn.TypeBytesMax)
		default:
			d.rules[e.Key] = rule
		}
	}
}
