package engine

import (
	"bytes"
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// scope says which streams a scan is about.
type scope struct {
	stream   string   // "": any
	category string   // "": any
	prefixes []string // of names; none: any
	system   bool     // also the system's own
	changes  bool     // also those that record what happens to the streams in scope as a whole
}

// wants reports whether the stream's events are looked for.
func (s *scope) wants(stream string) bool {
	if s.stream == stream || !firn.IsSystem(stream) {
		return s.selects(stream)
	}
	return s.system && s.selects(stream) || s.changes && s.follows(stream)
}

// selects reports whether stream, category and prefixes fit the name.
func (s *scope) selects(stream string) bool {
	return (s.stream == "" || stream == s.stream) && (s.category == "" || firn.Category(stream) == s.category) &&
		(len(s.prefixes) == 0 || slices.ContainsFunc(s.prefixes, func(p string) bool { return strings.HasPrefix(stream, p) }))
}

// follows reports whether the stream records changes of life of streams that
// are selected. The limits of all categories are in one stream.
func (s *scope) follows(stream string) bool {
	of, ok := strings.CutPrefix(stream, firn.LifeStream(""))
	return stream == firn.CategoriesStream && s.stream == "" || ok && s.selects(of)
}

// isChange reports whether a stream that is wanted is so for the changes of
// life that it records, and not by itself.
func (s *scope) isChange(stream string) bool {
	return s.changes && firn.IsSystem(stream) && s.stream != stream && !(s.system && s.selects(stream))
}

// heads returns how the names of all streams in scope begin, sorted, none of
// which begins with another; nil where they may begin in any way.
func (s *scope) heads() []string {
	if s.category == "" && len(s.prefixes) == 0 {
		return nil
	}
	heads := slices.Clone(s.prefixes)
	if s.category != "" {
		all := s.category + "-"
		heads = []string{}
		for _, p := range s.prefixes {
			if strings.HasPrefix(p, all) {
				heads = append(heads, p)
			} else if strings.HasPrefix(all, p) {
				heads = append(heads, all)
			}
		}
		if len(s.prefixes) == 0 {
			heads = append(heads, all)
		}
	}
	if s.changes {
		for _, head := range slices.Clone(heads) {
			heads = append(heads, firn.LifeStream(head))
		}
		heads = append(heads, firn.CategoriesStream+"\x00")
	}
	slices.Sort(heads)
	kept := heads[:0]
	for _, head := range heads {
		if len(kept) == 0 || !strings.HasPrefix(head, kept[len(kept)-1]) {
			kept = append(kept, head)
		}
	}
	return kept
}

// typeFilter says which types are wanted; neither: all.
type typeFilter struct{ names, prefixes []string }

func (f *typeFilter) all() bool { return len(f.names) == 0 && len(f.prefixes) == 0 }

func (f *typeFilter) wants(typ []byte) bool {
	return f.all() || slices.ContainsFunc(f.names, func(name string) bool { return string(typ) == name }) ||
		slices.ContainsFunc(f.prefixes, func(p string) bool { return bytes.HasPrefix(typ, []byte(p)) })
}

// mayHold reports whether a layer with this summary may hold anything of the
// scope and the types.
func (sum *summary) mayHold(s *scope, f *typeFilter) bool {
	if s.changes && sum.types.hasAny(firn.TypeDeleted, firn.TypeTombstoned, firn.TypeTruncated, firn.TypeLimits, firn.TypeMetadata) {
		if s.category == "" || sum.types.has(firn.TypeLimits) || sum.categories.has(firn.LifeStream(s.category)) {
			return true
		}
	}
	if !f.all() && !sum.types.hasAny(f.names...) && !slices.ContainsFunc(f.prefixes, sum.types.hasPrefix) {
		return false
	}
	if s.category != "" && !sum.categories.has(s.category) {
		return false
	}
	return len(s.prefixes) == 0 || slices.ContainsFunc(s.prefixes, func(p string) bool {
		// A name without a category is in no summary.
		category := firn.Category(p)
		return category == "" || sum.categories.has(category)
	})
}
