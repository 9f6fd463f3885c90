package service

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// Append is [Service.Append]. Each of the writes is looked at: also a condition
// tells something of its stream.
func (g Guard) Append(ctx context.Context, writes []command.Write) (firn.Appended, error) {
	on, err := g.mayAppend(ctx, writes)
	if err != nil {
		return firn.Appended{}, err
	}
	return g.s.Append(ctx, on.user.Name, writes)
}

// AppendAt is [Service.AppendAt].
func (g Guard) AppendAt(ctx context.Context, at time.Time, writes []command.Write) (firn.Appended, error) {
	on, err := g.mayAppend(ctx, writes)
	if err != nil {
		return firn.Appended{}, err
	}
	return g.s.AppendAt(ctx, on.user.Name, at, writes)
}

func (g Guard) mayAppend(ctx context.Context, writes []command.Write) (onBehalf, error) {
	on, err := g.on(ctx)
	if err != nil || on.user.Role == firn.RoleAdmin {
		return on, err
	}
	for i := range writes {
		if err := on.user.May(firn.RoleWrite, "append to the stream", string(writes[i].Stream)); err != nil {
			return on, g.refused(err)
		}
	}
	return on, g.refused(on.user.May(firn.RoleWrite, "append", "")) // where nothing is to be written
}

// AppendDrafts is Append for drafts that are yet to be encoded.
func (g Guard) AppendDrafts(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	encoded, err := encode(ctx, writes)
	if err != nil {
		return firn.Appended{}, err
	}
	return g.Append(ctx, encoded)
}

// Change is [Service.Change]. The limits of a category are those of all of its
// streams.
func (g Guard) Change(ctx context.Context, id firn.ID, stream string, expect firn.Expectation, life firn.Life) (firn.Position, error) {
	const doing = "change the stream"
	var on onBehalf
	var err error
	if limits, ok := life.(firn.Limits); ok && stream == firn.CategoriesStream && limits.Category != "" {
		if on, err = g.on(ctx); err == nil {
			err = g.refused(on.user.MayAll(firn.RoleWrite, "set limits for the category "+limits.Category, limits.Category+"-"))
		}
	} else {
		on, err = g.may(ctx, firn.RoleWrite, doing, stream)
	}
	if err != nil {
		return 0, err
	}
	return g.s.Change(ctx, on.user.Name, id, stream, expect, life)
}

// SaveSnapshot is [Service.SaveSnapshot]. Others are given what is saved, so it
// takes more than to read.
func (g Guard) SaveSnapshot(ctx context.Context, kept firn.Snapshot) error {
	on, err := g.may(ctx, firn.RoleWrite, "save a snapshot of the stream", kept.Stream)
	if err != nil {
		return err
	}
	return g.s.SaveSnapshot(ctx, on.user.Name, kept)
}
