package engine

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// Definition returns the definition of a name that is in force.
func (e *Engine) Definition(class command.Class, name string) (Definition, bool) {
	d := e.seen.Load().definitions
	if i, found := d.find(class, name); found {
		return d.list[i], true
	}
	return Definition{}, false
}

// Definitions returns the definitions of a class that are in force, by name,
// and the position of the newest change of any. The slice is not to be
// changed. It is kept in memory, so asking costs nothing.
func (e *Engine) Definitions(class command.Class) ([]Definition, firn.Position) {
	d := e.seen.Load().definitions
	return d.of(class), d.at
}

// DefinitionsAt returns the definitions of a class as of a position, by name.
func (e *Engine) DefinitionsAt(class command.Class, p firn.Position) (found []Definition, err error) {
	err = e.withIterator(func(it *pebble.Iterator) error {
		return eachDefinition(it, class, p, func(v Definition) {
			if len(v.Body) > 0 {
				found = append(found, v)
			}
		})
	})
	return found, err
}

// DefinitionVersions returns all versions of a definition, the oldest first;
// among them those with which it ended.
func (e *Engine) DefinitionVersions(class command.Class, name string) (found []Definition, err error) {
	if err := CheckDefinition(class, name, nil); err != nil {
		return nil, err
	}
	err = e.withIterator(func(it *pebble.Iterator) error {
		prefix := appendDefinedPrefix(nil, class, name)
		for ok := it.SeekGE(prefix); ok && len(it.Key()) == len(prefix)+8 && string(it.Key()[:len(prefix)]) == string(prefix); ok = it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				return err
			}
			v, err := parseDefinition(it.Key(), value)
			if err != nil {
				return err
			}
			found = append(found, v)
		}
		return it.Error()
	})
	if err == nil && len(found) == 0 {
		err = firn.Errorf(firn.ErrNotFound, "the %s %s has never been defined", class, name)
	}
	return found, err
}

// WaitDefined returns once a definition has changed behind a position.
func (e *Engine) WaitDefined(ctx context.Context, after firn.Position) error {
	return e.wait(ctx, func(s *seen) bool { return s.definitions.at > after })
}

func (e *Engine) withIterator(use func(*pebble.Iterator) error) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	it, err := e.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	return damage(use(it))
}

// eachDefinition visits, by name, the version in force at a position of each
// definition of a class, 0 for all; also where with this version it ended. It
// reads one version of each, however many there are.
func eachDefinition(it *pebble.Iterator, class command.Class, p firn.Position, visit func(Definition)) error {
	for ok := it.SeekGE([]byte{prefixDefined, byte(class)}); ok && it.Key()[0] == prefixDefined; {
		of, name, first, isKey := parseDefinedKey(it.Key())
		if class > 0 && of != class {
			break
		}
		if !isKey {
			return damagedValue(it.Key(), nil)
		}
		if first <= p {
			v, err := definitionAt(it, of, name, p)
			if err != nil {
				return err
			}
			visit(v)
		}
		behind := appendDefinedPrefix(nil, of, name)
		behind[len(behind)-1]++
		ok = it.SeekGE(behind)
	}
	return it.Error()
}
