package upcaster

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jq"
	"github.com/firndb/firn/internal/rawjson"
	"github.com/firndb/firn/internal/strictyaml"
)

// Parse reads a definition in YAML. The format is in docs/upcasters.md. It is
// read strictly, and every fault is named with its line: unknown and repeated
// keys, steps that do not lead forward, chains with gaps or in a circle, paths
// that overlap, programs that are not jq. The error is an ErrInvalid or
// ErrTooLarge.
func Parse(text []byte) (*Definition, error) {
	root, err := strictyaml.Document(text, "upcaster")
	if err != nil {
		return nil, err
	}
	r := &reader{}
	d := &Definition{}
	var steps *yaml.Node
	for _, e := range r.Entries(root, "the definition") {
		switch e.Key {
		case "upcaster":
			d.Name, _ = r.Text(e.Value, "the name")
		case "category":
			d.Category, _ = r.Text(e.Value, "the category")
			if err := firn.CheckCategory(d.Category); err != nil {
				r.Fault(e.Value, "%v", err)
			} else if firn.IsSystem(d.Category) {
				r.Fault(e.Value, "the category %q is the system's; its events are not upcast", clip(d.Category))
			}
		case "steps":
			steps = e.Value
		default:
			r.Fault(e.At, "unknown key %q; a definition has upcaster, category and steps", clip(e.Key))
		}
	}
	if why := checkName(d.Name); why != "" {
		r.Fault(root, "upcaster: %q: %s", clip(d.Name), why)
	}
	if steps == nil {
		r.Fault(root, "steps are missing")
		return nil, r.Err()
	}
	items := r.Items(steps, "steps")
	if len(items) > StepsMax {
		r.Fault(steps, "%d steps; at most %d are allowed", len(items), StepsMax)
		return nil, r.Err()
	}
	if len(items) == 0 {
		r.Fault(steps, "there is no step")
	}
	for _, n := range items {
		s := r.step(n)
		s.upcaster, s.line = d.Name, n.Line
		d.steps = append(d.steps, s)
	}
	if err := r.Err(); err != nil {
		return nil, err // before steps are joined, each must be good by itself
	}
	if _, faults := join(d.steps); len(faults) > 0 {
		for _, f := range faults {
			r.Fault(&yaml.Node{Line: f.step.line}, "%s", f.why)
		}
	}
	return d, r.Err()
}

var stepKeys = []string{"type", "from", "to", "renameType", "rename", "move", "drop", "convert", "default", "jq"}

func (r *reader) step(n *yaml.Node) *step {
	s := &step{}
	before := r.Count()
	values := map[string]*yaml.Node{}
	for _, e := range r.Entries(n, "a step") {
		if !slices.Contains(stepKeys, e.Key) {
			r.Fault(e.At, "unknown key %q; a step has %s", clip(e.Key), strings.Join(stepKeys, ", "))
			continue
		}
		values[e.Key] = e.Value
	}
	required := func(key string) *yaml.Node {
		if values[key] == nil && n.Kind == yaml.MappingNode {
			r.Fault(n, "the step has no %s", key)
		}
		return values[key]
	}
	typeName := func(n *yaml.Node, key string) string {
		name, ok := r.Text(n, key)
		if why := checkType(name); ok && why != "" {
			r.Fault(n, "%s: %s", key, why)
		}
		return name
	}
	if v := required("type"); v != nil {
		s.typ = typeName(v, "type")
	}
	if v := required("from"); v != nil {
		s.from = r.number(v, "from")
	}
	if v := required("to"); v != nil {
		s.to = r.number(v, "to")
	}
	if v := values["renameType"]; v != nil {
		s.renameType = typeName(v, "renameType")
	}
	if why := s.goesForward(); why != "" && r.Count() == before {
		r.Fault(n, "%s: %s", s, why)
	}
	r.operations(s, values)
	if len(s.operations) > OperationsMax {
		r.Fault(n, "%s: it has %d operations; at most %d are allowed", s, len(s.operations), OperationsMax)
	}
	return s
}

// operations reads what a step does to the data, in the order in which it will
// be done whatever the order in the text: a YAML mapping has none.
func (r *reader) operations(s *step, values map[string]*yaml.Node) {
	r.moves(s, values["rename"], renameOp)
	r.moves(s, values["move"], moveOp)
	r.apart(s, values)
	if n := values["drop"]; n != nil {
		for _, item := range r.Items(n, "drop") {
			if p, ok := r.path(item, "a path of drop"); ok {
				s.operations = append(s.operations, operation{kind: dropOp, path: p})
			}
		}
	}
	if n := values["convert"]; n != nil {
		for _, e := range r.Entries(n, "convert") {
			p, ok := r.pointer(e.At, e.Key, true)
			if list := r.conversions(e.Value, true); ok && len(list) > 0 {
				s.operations = append(s.operations, operation{kind: convertOp, path: p, conversions: list})
			}
		}
	}
	if n := values["default"]; n != nil {
		for _, e := range r.Entries(n, "default") {
			p, ok := r.pointer(e.At, e.Key, false)
			if v, fine := r.json(e.Value); ok && fine {
				s.operations = append(s.operations, operation{kind: defaultOp, path: p, value: v})
			}
		}
	}
	if n := values["jq"]; n != nil {
		if text, ok := r.Text(n, "jq"); ok {
			program, err := jq.Compile(text)
			if err != nil {
				r.Fault(n, "%v", err)
			}
			s.operations = append(s.operations, operation{kind: jqOp, program: program})
		}
	}
}

func (r *reader) moves(s *step, n *yaml.Node, kind opKind) {
	if n == nil {
		return
	}
	for _, e := range r.Entries(n, kind.String()) {
		from, ok := r.pointer(e.At, e.Key, false)
		to, fine := r.path(e.Value, "where "+e.Key+" goes")
		if !ok || !fine {
			continue
		}
		if kind == renameOp && !from.Sibling(to) {
			r.Fault(e.At, "rename leads from %s to %s, which is another place; rename changes the last name of a path, move its place", from, to)
		}
		s.operations = append(s.operations, operation{kind: kind, path: from, to: to})
	}
}

// apart refuses paths of rename and move that overlap, where the outcome would
// hang on the order.
func (r *reader) apart(s *step, values map[string]*yaml.Node) {
	n := values["move"]
	if n == nil {
		n = values["rename"]
	}
	var paths []rawjson.Pointer
	for _, o := range s.operations {
		paths = append(paths, o.path, o.to)
	}
	if len(paths) > 2*OperationsMax {
		return // refused as too many
	}
	for i, p := range paths {
		for j, o := range paths[:i] {
			bothToEnd := i%2 == 1 && j%2 == 1 && p.AtEnd() && o.AtEnd() // several may go to the end of one array
			if (p.Contains(o) || o.Contains(p)) && !bothToEnd {
				r.Fault(n, "%s: the paths %s and %s of rename and move overlap; make two steps of it", s, o, p)
				return
			}
		}
	}
}

func (r *reader) path(n *yaml.Node, what string) (rawjson.Pointer, bool) {
	text, ok := r.Text(n, what)
	if !ok {
		return rawjson.Pointer{}, false
	}
	return r.pointer(n, text, false)
}

func (r *reader) pointer(n *yaml.Node, text string, whole bool) (rawjson.Pointer, bool) {
	p, err := rawjson.ParsePointer(text)
	if err == nil && p.IsRoot() && !whole {
		r.Fault(n, `the path "" is the whole of the data; name a part of it, as in /customer`)
		return p, false
	}
	if err != nil {
		r.Fault(n, "%v", err)
	}
	return p, err == nil
}
