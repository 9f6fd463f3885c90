package service

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/group"
)

// CreateGroup is [firn.Groups.CreateGroup]. The id makes a repetition
// recognisable; it is that of the event which records the definition.
func (s *Service) CreateGroup(ctx context.Context, actor string, id firn.ID, g firn.Group) (firn.Position, error) {
	g = group.WithDefaults(g)
	if err := checkGroup(&g); err != nil {
		return 0, err
	}
	r, err := s.consistent(ctx, firn.Consistency{})
	if err != nil {
		return 0, err
	}
	after, err := s.beginning(ctx, r, &g)
	if err != nil {
		return 0, err
	}
	body := group.Encode(&g, after)
	if d, found := r.Engine.Definition(command.ClassGroup, g.Name); found {
		// If this is a repetition, then the end or a moment was somewhere else.
		if _, then, err := group.Decode(d.Name, d.Body); err == nil && bytes.Equal(d.Body, group.Encode(&g, then)) {
			body = d.Body
		}
	}
	return s.define(ctx, actor, id, &command.Define{Name: []byte(g.Name), Expect: firn.None, Body: body})
}

func checkGroup(g *firn.Group) error {
	if err := engine.CheckDefinition(command.ClassGroup, g.Name, nil); err != nil {
		return err
	}
	return group.Check(g)
}

// beginning returns the position behind which a group begins.
func (s *Service) beginning(ctx context.Context, r *Replica, g *firn.Group) (firn.Position, error) {
	head, _ := r.Engine.Head()
	switch g.From.Kind() {
	case firn.PointEnd:
		return head, nil
	case firn.PointPosition:
		return g.From.Position() - min(g.From.Position(), 1), nil
	case firn.PointMoment, firn.PointRevision:
		follower, err := r.Engine.Follow(firn.Query{Stream: g.Stream, Category: g.Category, All: g.All, From: g.From})
		if err != nil {
			return 0, err
		}
		defer follower.Rest()
		for {
			b, err := follower.Next(ctx, s.options.Now())
			switch {
			case err != nil:
				return 0, err
			case len(b.Events) > 0:
				return b.Events[0].Position - 1, nil
			case b.Head:
				return b.Through, nil
			}
		}
	}
	return 0, nil
}

// define changes the definition of a group.
func (s *Service) define(ctx context.Context, actor string, id firn.ID, d *command.Define) (firn.Position, error) {
	if id.IsZero() {
		return 0, firn.Errorf(firn.ErrInvalid, "a change of the group %.128q has no id", d.Name)
	}
	d.Actor, d.ID, d.Class = []byte(actor), id, command.ClassGroup
	result, err := s.propose(ctx, command.AppendItem(nil, d))
	if e := asError(err); e != nil && e.Kind == firn.ErrUnknown {
		known := *e
		known.IDs = []firn.ID{id}
		err = &known
	}
	return result.Appended.Position, err
}

// UpdateGroup is [firn.Groups.UpdateGroup]; see CreateGroup for the id.
func (s *Service) UpdateGroup(ctx context.Context, actor string, id firn.ID, g firn.Group) (firn.Position, error) {
	g = group.WithDefaults(g)
	if err := checkGroup(&g); err != nil {
		return 0, err
	}
	for {
		r, err := s.consistent(ctx, firn.Consistency{})
		if err != nil {
			return 0, err
		}
		d, found := r.Engine.Definition(command.ClassGroup, g.Name)
		if !found {
			return 0, noGroup(g.Name)
		}
		now, after, err := group.Decode(d.Name, d.Body)
		if err != nil {
			return 0, err
		}
		if !group.SameTarget(&now, &g) || !g.From.IsZero() && g.From != now.From {
			return 0, firn.Errorf(firn.ErrInvalid, "the group %s follows something else, or from another point; that cannot be changed: rewind it, or create another", g.Name)
		}
		p, err := s.define(ctx, actor, id, &command.Define{
			Name: []byte(g.Name), Expect: firn.At(firn.Revision(d.Version)), Body: group.Encode(&g, after),
		})
		if !errors.Is(err, firn.ErrConflict) {
			return p, err
		}
	}
}

// DeleteGroup is [firn.Groups.DeleteGroup]; see CreateGroup for the id.
func (s *Service) DeleteGroup(ctx context.Context, actor string, id firn.ID, name string) (firn.Position, error) {
	if err := engine.CheckDefinition(command.ClassGroup, name, nil); err != nil {
		return 0, err
	}
	return s.define(ctx, actor, id, &command.Define{Name: []byte(name), Expect: firn.Exists})
}

// Groups is [firn.Groups.Groups].
func (s *Service) Groups(ctx context.Context) ([]firn.Group, error) {
	r, err := s.consistent(ctx, firn.Consistency{})
	if err != nil {
		return nil, err
	}
	definitions, _ := r.Engine.Definitions(command.ClassGroup)
	groups := make([]firn.Group, len(definitions))
	for i := range definitions {
		if groups[i], _, err = group.Decode(definitions[i].Name, definitions[i].Body); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// GroupInfo is [firn.Groups.GroupInfo].
func (s *Service) GroupInfo(ctx context.Context, name string) (firn.GroupInfo, error) {
	c, err := s.coordinator(ctx, name)
	if err != nil {
		return firn.GroupInfo{}, err
	}
	if _, err := s.consistent(ctx, firn.Consistency{}); err != nil {
		return firn.GroupInfo{}, err
	}
	info, err := c.Info(ctx)
	if r, _ := s.current(); r != nil {
		info.Group.Types = wantedTypes(r.Engine, name).Types // not those that are stored
	}
	return info, err
}

func (s *Service) coordinator(ctx context.Context, name string) (*group.Coordinator, error) {
	l := s.lead.Load()
	if l == nil {
		_, err := s.current()
		return nil, cmp.Or(err, error(firn.Errorf(firn.ErrUnavailable, "this node is starting; try again")))
	}
	return l.coordinator(ctx, name)
}

// Consume joins a group; see [firn.Groups.Consume].
func (s *Service) Consume(ctx context.Context, name string, inFlight uint32) (*Consumer, error) {
	r, err := s.current()
	if err != nil {
		return nil, err
	}
	c, err := s.coordinator(ctx, name)
	if err != nil {
		return nil, err
	}
	u, err := c.Consume(inFlight)
	if err != nil {
		return nil, err
	}
	return &Consumer{Consumer: u, service: s, engine: r.Engine, name: name}, nil
}

// Consumer is a group's consumer whose events are in today's shape.
type Consumer struct {
	*group.Consumer
	service *Service
	engine  *engine.Engine
	name    string
	p       shaper
}

// Next is that of the group's consumer. What turns out not to be wanted, once it
// is in today's shape, is skipped.
func (u *Consumer) Next(ctx context.Context, most int) ([]group.Delivery, error) {
	for {
		deliveries, err := u.Consumer.Next(ctx, most)
		if u.p.sh = u.service.shapes(u.engine); err != nil || !u.p.sh.any || u.p.sh.broken != nil {
			return deliveries, err // as they are stored, rather than none
		}
		wanted := wantedTypes(u.engine, u.name)
		shown := deliveries[:0]
		var skipped []firn.Settlement
		for i := range deliveries {
			d := deliveries[i]
			var typ string
			if d.Stored, typ, err = u.p.record(ctx, d.Stored); err != nil {
				return nil, err
			}
			if wanted.WantsType(typ) {
				shown = append(shown, d)
			} else {
				skipped = append(skipped, firn.Settlement{Token: d.Token, Outcome: firn.Skip})
			}
		}
		if len(skipped) > 0 {
			if _, err := u.Settle(ctx, skipped); err != nil {
				return nil, err
			}
		}
		if len(shown) > 0 {
			return shown, nil
		}
	}
}

// wantedTypes is what a group selects by type, as it is defined.
func wantedTypes(e *engine.Engine, name string) firn.Query {
	d, found := e.Definition(command.ClassGroup, name)
	if !found {
		return firn.Query{}
	}
	g, _, err := group.Decode(d.Name, d.Body)
	if err != nil {
		return firn.Query{}
	}
	return firn.Query{Types: g.Types, TypePrefixes: g.TypePrefixes}
}

// Parked is [firn.Groups.Parked].
func (s *Service) Parked(ctx context.Context, name string) iter.Seq2[firn.ParkedEvent, error] {
	return func(yield func(firn.ParkedEvent, error) bool) {
		r, err := s.consistent(ctx, firn.Consistency{})
		if err != nil {
			yield(firn.ParkedEvent{}, err)
			return
		}
		d, found := r.Engine.Definition(command.ClassGroup, name)
		if !found {
			yield(firn.ParkedEvent{}, noGroup(name))
			return
		}
		g, _, err := group.Decode(d.Name, d.Body)
		if err == nil {
			err = group.EachParked(r.Engine, name, func(a *command.Aside) bool {
				parked, err := group.Parked(ctx, r.Engine, &g, a)
				return yield(parked, err) && err == nil
			})
		}
		if err != nil {
			yield(firn.ParkedEvent{}, err)
		}
	}
}

// Replay is [firn.Groups.Replay].
func (s *Service) Replay(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return s.unpark(ctx, name, which, (*group.Coordinator).Replay)
}

// Drop is [firn.Groups.Drop].
func (s *Service) Drop(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return s.unpark(ctx, name, which, (*group.Coordinator).Drop)
}

func (s *Service) unpark(ctx context.Context, name string, which firn.ParkedSelection, do func(*group.Coordinator, context.Context, firn.ParkedSelection) (uint64, error)) (uint64, error) {
	fields := 0
	for _, set := range []bool{which.Stream != "", !which.ID.IsZero(), which.All} {
		if set {
			fields++
		}
	}
	if fields != 1 {
		return 0, firn.Errorf(firn.ErrInvalid, "%d selections of parked events; select by exactly one of stream, id and all", fields)
	}
	c, err := s.coordinator(ctx, name)
	if err != nil {
		return 0, err
	}
	return do(c, ctx, which)
}

// Rewind is [firn.Groups.Rewind].
func (s *Service) Rewind(ctx context.Context, name string, to firn.Point, dryRun bool) (firn.Rewound, error) {
	c, err := s.coordinator(ctx, name)
	if err != nil {
		return firn.Rewound{}, err
	}
	if to.IsZero() {
		return firn.Rewound{}, firn.Errorf(firn.ErrInvalid, "no point says where the group %s is rewound to; give a position, a moment, start or end", name)
	}
	p, _, err := s.Resolve(ctx, to, firn.Consistency{})
	if errors.Is(err, firn.ErrBeforeStore) {
		p, err = 0, nil
	}
	if err != nil {
		return firn.Rewound{}, err
	}
	return c.Rewind(ctx, p, dryRun)
}

// WaitGroup is [firn.Groups.WaitGroup].
func (s *Service) WaitGroup(ctx context.Context, name string, p firn.Position) (parked uint64, err error) {
	c, err := s.coordinator(ctx, name)
	if err != nil {
		return 0, err
	}
	return c.Wait(ctx, p)
}

// GroupInfos tells where all groups stand, by name, while this node leads.
func (s *Service) GroupInfos(ctx context.Context) []firn.GroupInfo {
	l := s.lead.Load()
	if l == nil {
		return nil
	}
	var infos []firn.GroupInfo
	for _, c := range l.all() {
		if info, err := c.Info(ctx); err == nil {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b firn.GroupInfo) int { return cmp.Compare(a.Group.Name, b.Group.Name) })
	return infos
}
