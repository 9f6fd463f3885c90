package engine

import (
	"context"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// idSource yields the events that carry one id, as their own, their correlation
// or their causation, in whatever streams: each layer's table of ids is asked.
type idSource struct {
	kind      idKind
	id        string // its bytes
	hash      uint64
	system    bool
	backwards bool
	bound     bound
	left      positions
}

func newIDSource(q *firn.Query, b bound, left positions) source {
	src := &idSource{kind: idAlone, id: string(q.ID[:]), system: q.System, backwards: q.Backwards, bound: b, left: left}
	switch {
	case q.Correlation != "":
		src.kind, src.id = idCorrelation, q.Correlation
	case q.Causation != "":
		src.kind, src.id = idCausation, q.Causation
	}
	src.hash = hashID(src.kind, []byte(src.id))
	return src
}

// carries reports whether a draft carries the id.
func (src *idSource) carries(d *record.Draft) bool {
	switch src.kind {
	case idCorrelation:
		return string(d.CorrelationID) == src.id
	case idCausation:
		return string(d.CausationID) == src.id
	}
	return string(d.ID[:]) == src.id
}

func (src *idSource) fill(ctx context.Context, l *lookup, _ int) ([]located, error) {
	var out []located
	for len(out) == 0 && src.left.from <= src.left.to {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := src.layer(l)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			if out, err = src.take(l, out, p); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// layer returns the positions in the next layer where the id may be.
func (src *idSource) layer(l *lookup) ([]firn.Position, error) {
	p := src.left.from
	if src.backwards {
		p = src.left.to
	}
	first, last := l.s.tail.first, l.s.p.head
	entries := l.s.tail.ids
	if p < first {
		s, ok := layerOf(l.s.sealed, p)
		if !ok {
			return nil, firn.Errorf(firn.ErrDamaged, "no layer holds position %d; restore this node from another replica or a backup", p)
		}
		first, last = s.first, s.last
		key := appendIDsKey(nil, s.number, idsPart(src.hash, s.parts))
		value, err := get(l.db, key)
		if err != nil {
			return nil, err
		}
		if value == nil {
			return nil, firn.Errorf(firn.ErrDamaged, "layer %d lacks a part of its table of ids; restore this node from another replica or a backup", s.number)
		}
		if entries, err = parseIDs(nil, key, value); err != nil {
			return nil, err
		}
	}
	var found []firn.Position
	for _, entry := range entries {
		if p := first + firn.Position(entry.place>>2); entry.hash == src.hash && entry.kind() == src.kind && src.left.from <= p && p <= src.left.to {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	if src.backwards {
		slices.Reverse(found)
		src.left.to = first - 1
	} else {
		src.left.from = last + 1
	}
	return found, nil
}

// take adds the event at p if it has the id, not only its hash, and is visible.
func (src *idSource) take(l *lookup, out []located, p firn.Position) ([]located, error) {
	found, err := l.at(p)
	if err != nil || found.stored == nil {
		return out, err
	}
	d, err := record.ParseDraft(found.client)
	if err != nil {
		return nil, damagedRecord(&found.node, found.stream, err)
	}
	if !src.carries(&d) || firn.IsSystem(found.stream) && !src.system {
		return out, nil
	}
	st, err := l.status(found.stream, src.bound)
	if err == nil && uint64(found.node.Revision) >= st.first {
		out = append(out, found)
	}
	return out, err
}
