package service

import (
	"maps"
	"slices"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/snapshot"
)

// fold returns the fold that a call about a stream means, by the name that it
// gives, or "".
func (sh *shapes) fold(stream, name string) (*snapshot.Declared, error) {
	switch name {
	case firn.MergeFold:
		return snapshot.Merge, nil
	case "":
		return sh.foldOfCategory(stream)
	}
	f, defined := sh.folds[name]
	switch {
	case !defined:
		return nil, sh.noFold(name, func(string) bool { return true })
	case f == nil:
		return nil, firn.Errorf(firn.ErrProgram, "the definition of the fold %s cannot be read by this node; define it anew", name)
	case f.Category() != firn.Category(stream):
		return nil, firn.Errorf(firn.ErrInvalid, "the fold %s is for streams of the category %s, and %q is not; use %s, or declare one for it", name, f.Category(), stream, firn.MergeFold)
	}
	return f, nil
}

// noFold says that there is no such fold, and which there are of the categories
// that are seen.
func (sh *shapes) noFold(name string, sees func(category string) bool) error {
	var names []string
	for _, other := range slices.Sorted(maps.Keys(sh.folds)) {
		if f := sh.folds[other]; f == nil && sees("") || f != nil && sees(f.Category()) {
			names = append(names, other)
		}
	}
	return firn.Errorf(firn.ErrNotFound, "there is no fold %q; there are: %s", name, strings.Join(append(names, firn.MergeFold), ", "))
}

func (sh *shapes) foldOfCategory(stream string) (*snapshot.Declared, error) {
	switch found := sh.foldsFor(firn.Category(stream)); len(found) {
	case 0:
		return snapshot.Merge, nil
	case 1:
		return found[0], nil
	default:
		names := []string{firn.MergeFold}
		for _, f := range found {
			names = append(names, f.Name())
		}
		return nil, firn.Errorf(firn.ErrInvalid, "there are several folds for the stream %q; name one of %s", stream, strings.Join(names, ", "))
	}
}

// foldsFor returns the folds that are declared for a category, by name.
func (sh *shapes) foldsFor(category string) (found []*snapshot.Declared) {
	for _, name := range slices.Sorted(maps.Keys(sh.folds)) {
		if f := sh.folds[name]; f != nil && f.Category() == category {
			found = append(found, f)
		}
	}
	return found
}

func foldOf(d *engine.Definition) (*snapshot.Declared, error) {
	text, err := sourceOf(d)
	if err != nil {
		return nil, err
	}
	return snapshot.Parse(text)
}
