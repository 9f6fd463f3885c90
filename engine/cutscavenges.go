package engine

import (
	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
)

// scavenges takes the list of scavenges back, and makes sure that nothing was
// removed but what was gone by those that are left.
func (c *cutter) scavenges(l *lookup) error {
	if len(c.s.scavenges) == 0 {
		return nil
	}
	all, err := c.scavengesThen(l)
	if err != nil {
		return err
	}
	then := *c.s
	then.scavenges, then.p = all, c.p
	behind := &lookup{db: c.db, s: &then} // what the events that are left say
	defer behind.close()
	for layer := range c.p.layer + 1 {
		err := eachRemoved(c.db, layer, func(stream string, r *removed) error {
			_, newest, err := behind.life(stream, c.to)
			if err != nil {
				return err
			}
			gone, err := behind.gone(stream, newest)
			// A repetition of what the window reaches again could not be recognised.
			forgotten := r.hashes == nil && uint64(c.s.sealed[layer].last)+c.s.settings.Window > uint64(c.to)
			if err == nil && (r.end() > gone || forgotten) {
				err = c.removedSince(stream, r)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(all) == 0 {
		if err := c.a.batch.Delete(metaKey(metaSwept), nil); err != nil {
			return err
		}
		return c.a.batch.Delete(metaKey(metaScavenged), nil)
	}
	if err := c.a.set(metaKey(metaScavenged), appendScavenges(nil, all)); err != nil {
		return err
	}
	return c.swept(all[len(all)-1].position)
}

// scavengesThen returns the list as it was at the position. Of those that the
// later ones have taken out of it, the events tell.
func (c *cutter) scavengesThen(l *lookup) (all []scavenged, err error) {
	count, err := l.nextAt(firn.ScavengesStream, c.to)
	if err != nil {
		return nil, err
	}
	for revision := range count {
		p, err := l.positionOf(firn.ScavengesStream, revision)
		if err != nil {
			return nil, err
		}
		at, err := l.timeAt(p)
		if err != nil {
			return nil, err
		}
		shared, err := l.nextAt(firn.CategoriesStream, p)
		if err != nil {
			return nil, err
		}
		all = withScavenge(all, scavenged{p, at, shared})
	}
	return all, nil
}

// swept notes that what is gone by the newest scavenge is removed, where what is
// gone by a later one was.
func (c *cutter) swept(newest firn.Position) error {
	key := metaKey(metaSwept)
	value, err := get(c.db, key)
	if err != nil || value == nil {
		return err
	}
	p, err := parseNumber(key, value)
	if err != nil || firn.Position(p) <= newest {
		return err
	}
	return c.a.batch.Set(key, appendNumber(nil, uint64(newest)), pebble.NoSync)
}

func (c *cutter) removedSince(stream string, r *removed) error {
	return firn.Errorf(firn.ErrInvalid, "as of position %d, events of the stream %.64q would be seen that were scavenged since, and are not in this copy any more (position %d is the first); take a copy from before that, or a later position",
		c.to, stream, r.events[0].position)
}
