package engine

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// definitions walks through the versions of definitions and checks each
// against the event that records it, and that there is one for each such
// event (13).
func (v *verifier) definitions(ctx context.Context) error {
	if len(v.report.Faults) > 0 {
		return nil // the events cannot be found by position then
	}
	l := &lookup{db: v.db, s: v.s}
	defer l.close()
	var before Definition
	found := uint64(0)
	err := v.each(ctx, []byte{prefixDefined}, []byte{prefixDefined + 1}, func(key, value []byte) error {
		found++
		d, err := parseDefinition(key, value)
		if err != nil {
			return v.fault(13, key, "", 0, "a version of a definition that is none: %v", err)
		}
		next := uint64(1)
		if before.Class == d.Class && before.Name == d.Name {
			next = before.Version + 1
		}
		before = d
		if d.Version != next {
			if err := v.fault(13, key, "", d.Position, "the %s %s has version %d where %d comes", d.Class, d.Name, d.Version, next); err != nil {
				return err
			}
		}
		return v.definition(l, key, &d)
	})
	if err != nil {
		return err
	}
	events, err := l.nextAt(firn.DefinitionsStream, v.s.p.head)
	if err != nil {
		return v.unreadable([]byte{prefixDefined}, err)
	}
	if events != found {
		return v.fault(13, []byte{prefixDefined}, firn.DefinitionsStream, 0, "%d events record versions of definitions, and there are %d", events, found)
	}
	return nil
}

// definition checks one version against its event.
func (v *verifier) definition(l *lookup, key []byte, d *Definition) error {
	if d.Position == 0 || d.Position > v.s.p.head {
		return v.fault(13, key, "", d.Position, "a version of a definition at a position that is not there")
	}
	found, err := l.at(d.Position)
	if err != nil {
		return v.unreadable(key, err)
	}
	draft, err := record.ParseDraft(found.client)
	if err != nil {
		return err
	}
	typ, data := d.event()
	same := found.stream == firn.DefinitionsStream && string(draft.Type) == typ && string(draft.Data) == string(data) &&
		found.node.Time == record.Micros(d.Time) && string(found.node.Actor) == d.Actor
	if err := CheckDefinition(d.Class, d.Name, d.Body); err != nil || !same {
		return v.fault(13, key, found.stream, d.Position, "the event at the position does not record version %d of the %s %s", d.Version, d.Class, d.Name)
	}
	return nil
}
