package backup

import (
	"time"

	"github.com/firndb/firn"
)

// Chosen is what a store as of a point in time is made of.
type Chosen struct {
	Cut    *Manifest // the backup that is cut back to the point: the first one that holds all of it
	Before *Manifest // the newest backup that holds nothing behind it; nil: there is none
}

// Choose returns what a store as of a position or a moment is made of: of the
// backups of one history, that of the backup with the name, for "" the newest.
// Where a name is given, it is that backup that is cut. Errors: ErrNotFound where
// the point is behind them all, ErrInvalid for a point of another kind.
func (p *Place) Choose(at firn.Point, name string) (Chosen, error) {
	named, err := p.Find(name)
	if err != nil {
		return Chosen{}, err
	}
	list, err := p.List()
	if err != nil {
		return Chosen{}, err
	}
	var c Chosen
	for i := range list {
		m := &list[i].Manifest
		if list[i].Err != nil || m.History != named.History {
			continue
		}
		holds, within, err := m.compare(at)
		if err != nil {
			return Chosen{}, err
		}
		if holds && (c.Cut == nil || m.Position < c.Cut.Position) {
			c.Cut = m
		}
		if within && (c.Before == nil || m.Position >= c.Before.Position) {
			c.Before = m
		}
	}
	if holds, _, _ := named.compare(at); name != "" && holds {
		c.Cut = named
	} else if name != "" {
		c.Cut = nil
	}
	if c.Cut == nil {
		return Chosen{}, firn.Errorf(firn.ErrNotFound, "the backup %s, of position %d, was taken %s, before %v; take a backup now, or choose a later one", named.Name, named.Position, named.Taken.UTC().Format(time.RFC3339), at)
	}
	return c, nil
}

// compare says whether the backup holds all of a store as of a point, and
// whether it holds nothing behind it.
func (m *Manifest) compare(at firn.Point) (holds, within bool, err error) {
	switch at.Kind() {
	case firn.PointPosition:
		return m.Position >= at.Position(), m.Position <= at.Position(), nil
	case firn.PointMoment:
		// An event of the very moment may have come after the last one here.
		return m.Time.After(at.Moment()) || !m.Taken.Before(at.Moment()), !m.Time.After(at.Moment()), nil
	}
	return false, false, firn.Errorf(firn.ErrInvalid, "a store is restored as of a position or a moment, not as of %v", at)
}
