package upcaster

import (
	"context"
	"slices"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/strictyaml"
)

// Registry is everything that is in force together. It does not change.
type Registry struct {
	categories map[string]*Rules // those that some definition names
	others     *Rules            // every other category, and streams without one
}

// noRules are those of the system's streams.
var noRules = newRules(nil)

// NewRegistry joins definitions: those of a category and those of every stream
// hold together. The error is an ErrInvalid that names every step which does not
// fit the others, and the definitions that it stands in.
func NewRegistry(definitions ...*Definition) (*Registry, error) {
	r := &Registry{categories: map[string]*Rules{}}
	for _, d := range definitions {
		r.categories[d.Category] = nil
	}
	r.categories[""] = nil
	var faults []string
	seen := map[string]bool{}
	for category := range r.categories {
		var steps []*step
		for _, d := range definitions {
			if d.Category == category || d.Category == "" {
				steps = append(steps, d.steps...)
			}
		}
		chains, wrong := join(steps)
		for _, f := range wrong {
			text := f.step.upcaster + ": " + f.why
			if !seen[text] {
				seen[text] = true
				faults = append(faults, text)
			}
		}
		if len(wrong) == 0 {
			r.categories[category] = newRules(chains)
		}
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		shown := faults[:min(len(faults), strictyaml.FaultsMax)]
		return nil, strictyaml.Refused(shown, len(faults)-len(shown))
	}
	r.others = r.categories[""]
	delete(r.categories, "")
	return r, nil
}

// For returns the rules of a category; "" is that of streams without one.
func (r *Registry) For(category string) *Rules {
	if rules := r.categories[category]; rules != nil {
		return rules
	}
	if strings.HasPrefix(category, "$") {
		return noRules
	}
	return r.others
}

// Upcast brings an event into today's shape, in place, and reports whether it
// changed. Where nothing applies it allocates nothing. Where it fails the event
// is left as it was; the error is an *Error, or the context's own.
func (r *Registry) Upcast(ctx context.Context, e *firn.Event) (bool, error) {
	if len(r.categories) == 0 && r.others.Empty() || firn.IsSystem(e.Stream) {
		return false, nil
	}
	rules := r.For(firn.Category(e.Stream))
	if !rules.Applies(e.Type, e.Schema) {
		return false, nil
	}
	out, err := rules.Apply(ctx, Shape{Type: e.Type, Schema: e.Schema, ContentType: e.ContentType, Data: e.Data})
	if err != nil {
		return false, err
	}
	e.Type, e.Schema, e.Data = out.Type, out.Schema, out.Data
	return true, nil
}

// StoredTypes returns the further stored types of which some events come to have
// a wanted name today, or one that begins so, in any category; sorted. They are
// to be asked for beside the wanted ones, and after upcasting, what has another
// name is to be left out: not every version of a type need be renamed.
func (r *Registry) StoredTypes(types, prefixes []string) []string {
	lists := [][]string{r.others.StoredTypes(types, prefixes)}
	for _, rules := range r.categories {
		lists = append(lists, rules.StoredTypes(types, prefixes))
	}
	return union(lists...)
}
