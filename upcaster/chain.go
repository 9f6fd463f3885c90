package upcaster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// chain holds the steps of one type, each beginning where the one before it
// ends.
type chain struct {
	first uint32  // the version that the first step begins at
	steps []*link // the step from version first+i
}

// link is a step in its chain.
type link struct {
	*step
	target *chain // of the type that it gives; nil: that type has none
}

// at returns the step from a version, or nil where there is none.
func (c *chain) at(version uint32) *link {
	if c == nil || version < c.first || version-c.first >= uint32(len(c.steps)) {
		return nil
	}
	return c.steps[version-c.first]
}

// end is the version that the chain leads to, and the first one that it leaves
// alone.
func (c *chain) end() uint32 { return c.first + uint32(len(c.steps)) }

// fault is what keeps steps from being joined.
type fault struct {
	step *step
	why  string
}

// join makes the chains of all types that the steps begin at. Each step by
// itself leads forward.
func join(steps []*step) (map[string]*chain, []fault) {
	var faults []fault
	sorted := slices.Clone(steps)
	slices.SortStableFunc(sorted, func(a, b *step) int {
		return cmp.Or(strings.Compare(a.typ, b.typ), cmp.Compare(a.from, b.from))
	})
	chains := map[string]*chain{}
	for _, s := range sorted {
		c := chains[s.typ]
		if c == nil {
			c = &chain{first: s.from}
			chains[s.typ] = c
		}
		switch {
		case s.from < c.end():
			faults = append(faults, fault{s, fmt.Sprintf("two steps begin at version %d of %q%s", s.from, clip(s.typ), others(c.at(s.from).step, s))})
		case s.from > c.end():
			faults = append(faults, fault{s, fmt.Sprintf("a gap: no step leads from version %d of %q to version %d, where %s begins", c.end(), clip(s.typ), s.from, s)})
			c.first, c.steps = s.from, nil // and look for faults from here
			fallthrough
		default:
			c.steps = append(c.steps, &link{step: s})
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	for _, s := range sorted {
		l := chains[s.typ].at(s.from)
		if l.target = chains[s.becomes()]; l.target != nil && s.to < l.target.first {
			faults = append(faults, fault{s, fmt.Sprintf("a gap: %s leads to version %d of %q, whose first step begins at version %d", s, s.to, clip(s.becomes()), l.target.first)})
		}
	}
	return chains, append(faults, circles(sorted, chains)...)
}

// others names the definition that a second step is from, where there are two.
func others(a, b *step) string {
	if a.upcaster == b.upcaster {
		return ""
	}
	return fmt.Sprintf(" (of the upcasters %s and %s)", a.upcaster, b.upcaster)
}

// circles finds the steps that lead back to where they began. As versions never
// go back, such a circle is one of renamed types.
func circles(steps []*step, chains map[string]*chain) []fault {
	var faults []fault
	done := map[*link]bool{}
	for _, s := range steps {
		var way []*link
		for l := chains[s.typ].at(s.from); l != nil && !done[l]; l = l.target.at(l.to) {
			if i := slices.Index(way, l); i >= 0 {
				names := ""
				for _, on := range way[i:] {
					names += fmt.Sprintf("%q, ", clip(on.typ))
				}
				faults = append(faults, fault{l.step, fmt.Sprintf("a circle of renamed types: %sand back to %q", names, clip(l.typ))})
				break
			}
			way = append(way, l)
		}
		for _, l := range way {
			done[l] = true
		}
	}
	return faults
}
