package service

import (
	"context"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/security"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/upcaster"
)

// Define is [Service.Define]. What is defined changes what everybody sees, so it
// takes an admin.
func (g Guard) Define(ctx context.Context, id firn.ID, class firn.DefinitionClass, name string, text []byte, expect firn.Expectation) (firn.Definition, error) {
	actor, err := g.Administer(ctx, "define a "+class.String())
	if err != nil {
		return firn.Definition{}, err
	}
	return g.s.Define(ctx, actor, id, class, name, text, expect)
}

// Definitions is [Service.Definitions]. The caller sees those of categories of
// which it sees streams, and users where it is an admin.
func (g Guard) Definitions(ctx context.Context, class firn.DefinitionClass, at firn.Point, c firn.Consistency) ([]firn.Definition, error) {
	on, err := g.seeDefinitions(ctx, class, &c)
	if err != nil {
		return nil, err
	}
	all, err := g.s.Definitions(ctx, class, at, c)
	return slices.DeleteFunc(all, func(d firn.Definition) bool { return !seesDefinition(on.user, &d) }), err
}

// DefinitionVersions is [Service.DefinitionVersions].
func (g Guard) DefinitionVersions(ctx context.Context, class firn.DefinitionClass, name string, c firn.Consistency) ([]firn.Definition, error) {
	on, err := g.seeDefinitions(ctx, class, &c)
	if err != nil {
		return nil, err
	}
	all, err := g.s.DefinitionVersions(ctx, class, name, c)
	for i := range all {
		if len(all[i].Source) > 0 && !seesDefinition(on.user, &all[i]) {
			return nil, firn.Errorf(firn.ErrNotFound, "the %s %s has never been defined", class, name)
		}
	}
	return all, err
}

func (g Guard) seeDefinitions(ctx context.Context, class firn.DefinitionClass, c *firn.Consistency) (onBehalf, error) {
	if err := g.current(ctx, c); err != nil {
		return onBehalf{}, err
	}
	if class == firn.UserDefinition {
		return g.may(ctx, firn.RoleAdmin, "see the users", "")
	}
	return g.on(ctx)
}

func seesDefinition(u *security.User, d *firn.Definition) bool {
	if u.Everything() {
		return true
	}
	switch d.Class {
	case firn.FoldDefinition:
		f, err := snapshot.Parse(d.Source)
		return err == nil && u.OverlapsCategory(f.Category())
	case firn.UpcasterDefinition:
		up, err := upcaster.Parse(d.Source)
		return err == nil && u.OverlapsCategory(up.Category)
	case firn.SchemaDefinition:
		of, _, err := parseSchema(d.Source)
		return err == nil && (of.category == "" || u.OverlapsCategory(of.category))
	}
	return false
}
