package engine

import (
	"cmp"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// definitions are those in force. What readers hold is never changed: each
// change makes a new one.
type definitions struct {
	at    firn.Position // of the newest change
	bytes int           // of the names and bodies
	list  []Definition  // by class and name
}

func (d *definitions) find(class command.Class, name string) (int, bool) {
	return slices.BinarySearchFunc(d.list, name, func(held Definition, name string) int {
		return cmp.Or(cmp.Compare(held.Class, class), cmp.Compare(held.Name, name))
	})
}

// of returns the definitions of a class.
func (d *definitions) of(class command.Class) []Definition {
	from, _ := d.find(class, "")
	to, _ := d.find(class+1, "")
	return d.list[from:to:to]
}

// with returns the definitions after a change.
func (d *definitions) with(v Definition) *definitions {
	next := &definitions{at: v.Position, bytes: d.bytes, list: slices.Clone(d.list)}
	i, found := d.find(v.Class, v.Name)
	if found {
		next.bytes -= d.list[i].bytes()
		next.list = slices.Delete(next.list, i, i+1)
	}
	if len(v.Body) > 0 {
		next.bytes += v.bytes()
		next.list = slices.Insert(next.list, i, v)
	}
	return next
}

// define judges a change of a definition and writes it: the event that records
// it, and the definition's new version at the same position.
func (a *applier) define(micros int64, item *command.Define) (command.Result, error) {
	name := string(item.Name)
	switch err := CheckDefinition(item.Class, name, item.Body); {
	case err != nil:
		return command.Result{}, err
	case item.ID.IsZero():
		return command.Result{}, firn.Errorf(firn.ErrInvalid, "a change of the %s %s has no id", item.Class, name)
	case len(item.Actor) > firn.ActorBytesMax:
		return command.Result{}, firn.Errorf(firn.ErrInvalid, "the actor's name has %d bytes; at most %d are allowed", len(item.Actor), firn.ActorBytesMax)
	}
	system, err := a.state([]byte(firn.DefinitionsStream))
	if err != nil {
		return command.Result{}, err
	}
	v := Definition{
		Class: item.Class, Name: name, Position: a.p.head + 1, Time: record.Time(micros),
		Actor: string(item.Actor), Body: slices.Clone(item.Body),
	}
	if done, repeated, err := a.repeatedDefine(system, item.ID, v); repeated || err != nil {
		return done, err
	}
	if err := a.judgeDefine(item.Expect, &v); err != nil {
		return command.Result{}, err
	}
	if v.Version, err = a.nextVersion(v.Class, v.Name); err != nil {
		return command.Result{}, err
	}
	typ, data := v.event()
	if err := a.systemEvent(system, micros, item.Actor, firn.Draft{ID: item.ID, Type: typ, ContentType: firn.JSON, Data: data}); err != nil {
		return command.Result{}, err
	}
	if v.Class == command.ClassGroup {
		if err := a.defineGroup(&v); err != nil {
			return command.Result{}, err
		}
	}
	a.definitions = a.definitions.with(v)
	if len(v.Body) == 0 {
		a.ended[string(appendDefinedPrefix(nil, v.Class, v.Name))] = v.Version
	}
	a.key = appendDefinedKey(a.key[:0], v.Class, v.Name, v.Position)
	return command.Result{Appended: firn.Appended{Position: v.Position, Time: v.Time}, Version: v.Version}, a.set(a.key, v.append(nil))
}

// judgeDefine says what stands in the way of a change, or nil.
func (a *applier) judgeDefine(expect firn.Expectation, v *Definition) error {
	i, found := a.definitions.find(v.Class, v.Name)
	ends := len(v.Body) == 0
	if !found && (ends || expect != firn.Any && expect != firn.None) {
		return firn.Errorf(firn.ErrNotFound, "there is no %s %s", v.Class, v.Name)
	}
	bytes := a.definitions.bytes + v.bytes()
	if found {
		held := &a.definitions.list[i]
		bytes -= held.bytes()
		if expect == firn.None {
			return firn.Errorf(firn.ErrAlreadyExists, "the %s %s is there already, of version %d", v.Class, v.Name, held.Version)
		}
		if want, exact := expect.Exact(); exact && uint64(want) != held.Version {
			return firn.Errorf(firn.ErrConflict, "the %s %s is at version %d, not %d; look at what has changed", v.Class, v.Name, held.Version, want)
		}
	}
	if v.Class == command.ClassGroup && !ends {
		if _, err := groupBeginning(v.Body); err != nil {
			return err
		}
		if !found && len(a.groups) >= GroupsMax {
			return firn.Errorf(firn.ErrTooLarge, "there are %d groups, which is the most; delete those that are not needed", len(a.groups))
		}
	}
	if v.Class == command.ClassUser {
		if err := a.judgeUser(v); err != nil {
			return err
		}
	}
	if !ends && bytes > definedBytesMax {
		return firn.Errorf(firn.ErrTooLarge, "with the %s %s all definitions would have %d bytes; at most %d are allowed, delete what is not needed", v.Class, v.Name, bytes, definedBytesMax)
	}
	return nil
}

// repeatedDefine recognises a change that was made before.
func (a *applier) repeatedDefine(system *streamState, id firn.ID, v Definition) (done command.Result, repeated bool, err error) {
	var hash uint64
	hash, a.hashBuf = hashInStream(a.hashBuf, system.name, id)
	h, err := a.inWindow(hash, system.name, id)
	if h == nil || err != nil {
		return done, false, err
	}
	d, err := record.ParseDraft(h.draft)
	if err != nil {
		return done, false, damagedRecord(&h.node, system.name, err)
	}
	v.Version, _ = versionIn(d.Data)
	if typ, data := v.event(); string(d.Type) != typ || string(d.Data) != string(data) {
		return done, false, reusedID(system.name, h)
	}
	return command.Result{Appended: firn.Appended{Position: h.node.Position, Time: record.Time(h.node.Time), Repeated: true}, Version: v.Version}, true, nil
}

// nextVersion returns the version that a change gets. Versions go on behind a
// definition's end.
func (a *applier) nextVersion(class command.Class, name string) (uint64, error) {
	if i, found := a.definitions.find(class, name); found {
		return a.definitions.list[i].Version + 1, nil
	}
	prefix := appendDefinedPrefix(nil, class, name)
	if version, ok := a.ended[string(prefix)]; ok {
		return version + 1, nil
	}
	it, err := a.iterator()
	if err != nil {
		return 0, err
	}
	last, err := definitionAt(it, class, name, maxPosition)
	return last.Version + 1, err
}

// definitionAt returns a definition as of a position; its version is 0 where
// there was none. The iterator has no bounds.
func definitionAt(it *pebble.Iterator, class command.Class, name string, p firn.Position) (Definition, error) {
	key := appendDefinedKey(nil, class, name, p)
	prefix := len(key) - 8
	if !it.SeekLT(append(key, 0)) || len(it.Key()) != len(key) || string(it.Key()[:prefix]) != string(key[:prefix]) {
		return Definition{}, it.Error()
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return Definition{}, err
	}
	return parseDefinition(it.Key(), value)
}

// loadDefinitions reads the definitions that are in force.
func (a *applier) loadDefinitions() error {
	it, err := a.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	d := new(definitions)
	a.definitions = d
	return eachDefinition(it, 0, maxPosition, func(v Definition) {
		d.at = max(d.at, v.Position)
		if len(v.Body) > 0 {
			d.bytes += v.bytes()
			d.list = append(d.list, v)
		}
	})
}
