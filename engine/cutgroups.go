package engine

import (
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// Groups are where the consumer groups of a store stood at one time. They are
// all that [Cut] needs of a copy that is older than the position: where a group
// stood in between, no key says. So it begins again where it stood then, and what
// it had settled since is delivered again; one that was made since, at its
// beginning. A group is never taken to have settled what it had not.
//
// Without any (nil), a group stands where it stands in the store that is cut, or
// at the position where that is less: then it may have settled later what is
// behind it now.
type Groups struct {
	at     firn.Position // the head then
	groups map[string]groupThen
}

type groupThen struct {
	progress *GroupProgress
	asides   []command.Aside
}

// ReadGroups reads them from the files of a checkpoint, without changing these.
func ReadGroups(fs vfs.FS, dir string) (*Groups, error) {
	db, err := openCopy(fs, dir)
	if err != nil {
		return nil, damage(err)
	}
	g, err := readGroups(db)
	if closing := db.Close(); err == nil {
		err = closing
	}
	return g, damage(err)
}

func readGroups(db pebble.Reader) (*Groups, error) {
	found := &Groups{groups: map[string]groupThen{}}
	value, err := get(db, metaKey(metaApplied))
	if err != nil || value == nil {
		return found, err
	}
	p, err := parseProgress(value)
	if err != nil {
		return nil, err
	}
	found.at = p.head
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixGroup}, UpperBound: []byte{prefixGroup + 1}})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		name, rest, ok := parseGroupKey(it.Key())
		if !ok {
			return nil, damagedValue(it.Key(), value)
		}
		g := found.groups[name]
		switch rest[0] {
		case groupProgress:
			g.progress, err = parseGroupProgress(it.Key(), value)
		case groupAside:
			var a command.Aside
			a, err = parseAside(it.Key(), value)
			g.asides = append(g.asides, a)
		}
		if err != nil {
			return nil, err
		}
		found.groups[name] = g
	}
	return found, it.Error()
}

// groups writes where the groups stand that are defined at the position, and
// nothing of any other.
func (c *cutter) groups(then *Groups) error {
	bounded := then == nil
	if bounded {
		var err error
		if then, err = readGroups(c.db); err != nil {
			return err
		}
	} else if then.at > c.to {
		return firn.Errorf(firn.ErrInvalid, "the groups are those of position %d, which is behind %d", then.at, c.to)
	}
	if err := c.a.batch.DeleteRange([]byte{prefixGroup}, []byte{prefixGroup + 1}, nil); err != nil {
		return err
	}
	it, err := c.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	var defined []string
	err = eachDefinition(it, command.ClassGroup, c.to, func(v Definition) {
		if len(v.Body) > 0 {
			defined = append(defined, v.Name)
		}
	})
	if err != nil {
		return err
	}
	for _, name := range defined {
		g, err := c.begun(it, name)
		if err != nil {
			return err
		}
		if known, ok := then.groups[name]; ok && known.progress != nil && known.progress.Created == g.progress.Created {
			g = known
		}
		if bounded {
			g.bound(c.to)
		}
		if err := c.group(&g); err != nil {
			return err
		}
	}
	return nil
}

// begun returns a group as it was when it was made, the last time before the
// position.
func (c *cutter) begun(it *pebble.Iterator, name string) (g groupThen, err error) {
	prefix := appendDefinedPrefix(nil, command.ClassGroup, name)
	ended := true
	for ok := it.SeekGE(prefix); ok && len(it.Key()) == len(prefix)+8 && string(it.Key()[:len(prefix)]) == string(prefix); ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return g, err
		}
		v, err := parseDefinition(it.Key(), value)
		if err != nil {
			return g, err
		}
		if v.Position > c.to {
			break
		}
		if ended && len(v.Body) > 0 {
			after, err := groupBeginning(v.Body)
			if err != nil {
				return g, err
			}
			g.progress = &GroupProgress{Name: name, Created: v.Position, Through: min(after, v.Position)}
		}
		ended = len(v.Body) == 0
	}
	return g, it.Error()
}

// bound takes a group back to a position.
func (g *groupThen) bound(to firn.Position) {
	p := *g.progress
	p.Through, p.Reached = min(p.Through, to), min(p.Reached, to)
	p.Open = slices.DeleteFunc(slices.Clone(p.Open), func(open firn.Position) bool { return open > to })
	g.progress = &p
	g.asides = slices.DeleteFunc(slices.Clone(g.asides), func(a command.Aside) bool { return a.Position > to })
}

func (c *cutter) group(g *groupThen) error {
	p := *g.progress
	p.Counts = command.Counts{}
	for i := range g.asides {
		a := &g.asides[i]
		switch {
		case a.State == command.AsideParked:
			p.Counts.Parked++
			if a.Holds {
				p.Counts.Waiting++
			}
		default:
			p.Counts.Due++
			if a.Attempts > 0 {
				p.Counts.Retrying++
			}
		}
		if err := c.a.addAside(p.Name, a); err != nil {
			return err
		}
	}
	return c.a.putProgress(&p)
}
