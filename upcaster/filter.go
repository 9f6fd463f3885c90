package upcaster

import (
	"maps"
	"slices"
	"strings"
)

// StoredTypes is as [Registry.StoredTypes], within one category.
func (r *Rules) StoredTypes(types, prefixes []string) []string {
	if len(r.became) == 0 {
		return nil
	}
	var lists [][]string
	for _, typ := range types {
		lists = append(lists, r.became[typ])
	}
	if len(prefixes) > 0 {
		for name, stored := range r.became {
			if begins(name, prefixes) {
				lists = append(lists, stored)
			}
		}
	}
	stored := union(lists...)
	return slices.DeleteFunc(stored, func(name string) bool { // asked for anyway
		return slices.Contains(types, name) || begins(name, prefixes)
	})
}

func begins(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

func union(lists ...[]string) []string {
	set := map[string]bool{}
	for _, list := range lists {
		for _, name := range list {
			set[name] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// renamed returns, by the name that events come to have, the other names that
// some of them are stored under.
func renamed(chains map[string]*chain) map[string][]string {
	sets := map[string]map[string]bool{}
	for typ, c := range chains {
		for _, l := range c.steps {
			name := l.today()
			if name == typ {
				continue
			}
			if sets[name] == nil {
				sets[name] = map[string]bool{}
			}
			sets[name][typ] = true
		}
	}
	became := map[string][]string{}
	for name, set := range sets {
		became[name] = slices.Sorted(maps.Keys(set))
	}
	return became
}

// today returns the type that events have which begin at this step.
func (l *link) today() string {
	for {
		next := l.target.at(l.to)
		if next == nil {
			return l.becomes()
		}
		l = next
	}
}
