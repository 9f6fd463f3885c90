package engine

import (
	"bytes"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// GroupProgress returns where a group stands.
func (e *Engine) GroupProgress(name string) (GroupProgress, bool) {
	groups := e.seen.Load().groups
	if i, found := groups.find(name); found {
		return *groups[i], true
	}
	return GroupProgress{}, false
}

// HeldBy returns the aside that holds a stream, if one does.
func (e *Engine) HeldBy(group, stream string) (held command.Aside, found bool, err error) {
	if err := e.enter(); err != nil {
		return held, false, err
	}
	defer e.leave()
	key := appendHeldKey(nil, group, stream)
	value, err := get(e.db, key)
	if value == nil || err != nil {
		return held, false, damage(err)
	}
	state, p, err := parseHeldBy(key, value)
	if err != nil {
		return held, false, err
	}
	held, found, err = aside(e.db, appendAsideKey(nil, group, state, p, stream))
	return held, found && held.Holds, err
}

func aside(db pebble.Reader, key []byte) (a command.Aside, found bool, err error) {
	value, err := get(db, key)
	if value == nil || err != nil {
		return a, false, damage(err)
	}
	a, err = parseAside(key, value)
	return a, err == nil, err
}

// AsidePage is a part of a group's asides.
type AsidePage struct {
	Asides []command.Aside
	Stale  []command.Aside // of those asked for by their time: what led to one that is not there
	Next   []byte          // where to go on; nil: that was all
}

// Asides returns a group's asides of a state, by position, at most limit at a
// time. from is nil, or what an earlier page gave as Next.
func (e *Engine) Asides(group string, state command.AsideState, from []byte, limit int) (page AsidePage, err error) {
	lower := appendAsidePrefix(nil, group, state)
	err = e.page(&page, lower, prefixEnd(lower), from, limit, func(key, value []byte) error {
		a, err := parseAside(key, value)
		page.Asides = append(page.Asides, a)
		return err
	})
	return page, err
}

// AsidesDue returns a group's asides that are due at a moment, by their time,
// at most limit at a time.
func (e *Engine) AsidesDue(group string, at time.Time, from []byte, limit int) (page AsidePage, err error) {
	lower := append(appendGroupPrefix(nil, group), groupDue)
	upper := appendDueKey(nil, group, uint64(record.Micros(at))+1, 0, "")
	err = e.page(&page, lower, upper, from, limit, func(key, _ []byte) error {
		var due command.Aside
		if _, rest, ok := parseGroupKey(key); !ok || !parseDueKey(rest, &due) {
			return damagedValue(key, nil)
		}
		a, found, err := aside(e.db, appendAsideKey(nil, group, due.State, due.Position, due.Stream))
		if found && a.Due == due.Due {
			page.Asides = append(page.Asides, a)
		} else if !found {
			page.Stale = append(page.Stale, due)
		}
		return err
	})
	return page, err
}

// NextDue returns when the next aside behind a moment is due; ok is false where
// none is.
func (e *Engine) NextDue(group string, behind time.Time) (due time.Time, ok bool, err error) {
	prefix := append(appendGroupPrefix(nil, group), groupDue)
	err = e.withIterator(func(it *pebble.Iterator) error {
		if !it.SeekGE(appendDueKey(nil, group, uint64(record.Micros(behind))+1, 0, "")) || !bytes.HasPrefix(it.Key(), prefix) {
			return it.Error()
		}
		var a command.Aside
		if _, rest, isKey := parseGroupKey(it.Key()); !isKey || !parseDueKey(rest, &a) {
			return damagedValue(it.Key(), nil)
		}
		due, ok = record.Time(int64(a.Due)), true
		return nil
	})
	return due, ok, err
}

// page visits the keys of a range, at most limit of them.
func (e *Engine) page(page *AsidePage, lower, upper, from []byte, limit int, visit func(key, value []byte) error) error {
	if from != nil {
		lower = from
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if limit--; limit < 0 {
			page.Next = bytes.Clone(it.Key())
			break
		}
		value, err := it.ValueAndErr()
		if err == nil {
			err = visit(it.Key(), value)
		}
		if err != nil {
			return damage(err)
		}
	}
	return damage(it.Error())
}

// RecordAt returns the record at a position, whether or not readers may still
// see it. The bytes are the caller's to keep. ErrNotFound: the event is gone.
func (e *Engine) RecordAt(p firn.Position) (record.Stored, error) {
	if err := e.enter(); err != nil {
		return record.Stored{}, err
	}
	defer e.leave()
	l := lookup{db: e.db, s: e.seen.Load()}
	defer l.close()
	if p == 0 || p > l.s.p.head {
		return record.Stored{}, firn.Errorf(firn.ErrNotFound, "there is no event at position %d; the head is %d", p, l.s.p.head)
	}
	found, err := l.at(p)
	if err != nil {
		return record.Stored{}, damage(err)
	}
	if found.stored == nil {
		return record.Stored{}, firn.Errorf(firn.ErrNotFound, "the event at position %d, of stream %q, was hidden and has been scavenged", p, found.stream)
	}
	return record.Stored{Stream: found.stream, Position: p, Bytes: found.stored}, nil
}

// TimeAt returns the time of the event at a position, also of one that is gone.
func (e *Engine) TimeAt(p firn.Position) (time.Time, error) {
	if err := e.enter(); err != nil {
		return time.Time{}, err
	}
	defer e.leave()
	l := lookup{db: e.db, s: e.seen.Load()}
	defer l.close()
	micros, err := l.timeAt(p)
	return record.Time(micros), damage(err)
}
