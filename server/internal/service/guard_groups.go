package service

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/group"
	"github.com/firndb/firn/server/internal/security"
)

// A group is there for those who may see everything that it follows: what it
// delivers cannot be narrowed for one of its consumers. For others there is no
// such group. Whatever changes what it has delivered takes the role write.

// mayFollow says why a user may not do something with a group that follows this,
// or nil.
func mayFollow(u *security.User, role firn.Role, doing string, g *firn.Group) error {
	if g.Stream != "" {
		return u.May(role, doing+" on the stream", g.Stream)
	}
	heads := g.StreamPrefixes
	if len(heads) == 0 {
		heads = []string{""}
	}
	for _, head := range heads {
		if all := g.Category + "-"; g.Category != "" && !strings.HasPrefix(head, all) {
			head = all
		}
		if err := u.MayAll(role, doing+" on these streams", head); err != nil {
			return err
		}
	}
	return nil
}

// mayUse returns on whose behalf something is done with a group.
func (g Guard) mayUse(ctx context.Context, role firn.Role, doing, name string) (onBehalf, error) {
	on, err := g.may(ctx, role, doing, "")
	if err != nil || on.user.Everything() {
		return on, err
	}
	r, err := g.s.current()
	if err != nil {
		return on, err
	}
	d, found := r.Engine.Definition(command.ClassGroup, name)
	if !found {
		return on, nil // whoever is asked says so
	}
	of, _, err := group.Decode(d.Name, d.Body)
	if err == nil && mayFollow(on.user, role, doing, &of) != nil {
		err = noGroup(name)
	}
	return on, err
}

// CreateGroup is [Service.CreateGroup].
func (g Guard) CreateGroup(ctx context.Context, id firn.ID, is firn.Group) (firn.Position, error) {
	on, err := g.mayDefineGroup(ctx, "create a group", &is)
	if err != nil {
		return 0, err
	}
	return g.s.CreateGroup(ctx, on.user.Name, id, is)
}

// UpdateGroup is [Service.UpdateGroup], which refuses to change what the group
// follows.
func (g Guard) UpdateGroup(ctx context.Context, id firn.ID, is firn.Group) (firn.Position, error) {
	const doing = "update a group"
	if _, err := g.mayUse(ctx, firn.RoleWrite, doing, is.Name); err != nil {
		return 0, err
	}
	on, err := g.mayDefineGroup(ctx, doing, &is)
	if err != nil {
		return 0, err
	}
	return g.s.UpdateGroup(ctx, on.user.Name, id, is)
}

func (g Guard) mayDefineGroup(ctx context.Context, doing string, is *firn.Group) (onBehalf, error) {
	on, err := g.on(ctx)
	if err == nil {
		err = g.refused(mayFollow(on.user, firn.RoleWrite, doing, is))
	}
	return on, err
}

// DeleteGroup is [Service.DeleteGroup].
func (g Guard) DeleteGroup(ctx context.Context, id firn.ID, name string) (firn.Position, error) {
	on, err := g.mayUse(ctx, firn.RoleWrite, "delete a group", name)
	if err != nil {
		return 0, err
	}
	return g.s.DeleteGroup(ctx, on.user.Name, id, name)
}

// Groups is [Service.Groups].
func (g Guard) Groups(ctx context.Context) ([]firn.Group, error) {
	on, err := g.on(ctx)
	if err != nil {
		return nil, err
	}
	all, err := g.s.Groups(ctx)
	return slices.DeleteFunc(all, func(of firn.Group) bool { return mayFollow(on.user, firn.RoleRead, "see a group", &of) != nil }), err
}

// GroupInfo is [Service.GroupInfo].
func (g Guard) GroupInfo(ctx context.Context, name string) (firn.GroupInfo, error) {
	if _, err := g.mayUse(ctx, firn.RoleRead, "see a group", name); err != nil {
		return firn.GroupInfo{}, err
	}
	return g.s.GroupInfo(ctx, name)
}

// Parked is [Service.Parked].
func (g Guard) Parked(ctx context.Context, name string) iter.Seq2[firn.ParkedEvent, error] {
	on, err := g.mayUse(ctx, firn.RoleRead, "see what a group has parked", name)
	if err != nil {
		return failed[firn.ParkedEvent](err)
	}
	return while(g, on, g.s.Parked(ctx, name))
}

// Replay is [Service.Replay].
func (g Guard) Replay(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	if _, err := g.mayUse(ctx, firn.RoleWrite, "replay what a group has parked", name); err != nil {
		return 0, err
	}
	return g.s.Replay(ctx, name, which)
}

// Drop is [Service.Drop].
func (g Guard) Drop(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	if _, err := g.mayUse(ctx, firn.RoleWrite, "drop what a group has parked", name); err != nil {
		return 0, err
	}
	return g.s.Drop(ctx, name, which)
}

// Rewind is [Service.Rewind].
func (g Guard) Rewind(ctx context.Context, name string, to firn.Point, dryRun bool) (firn.Rewound, error) {
	if _, err := g.mayUse(ctx, firn.RoleWrite, "rewind a group", name); err != nil {
		return firn.Rewound{}, err
	}
	return g.s.Rewind(ctx, name, to, dryRun)
}

// WaitGroup is [Service.WaitGroup].
func (g Guard) WaitGroup(ctx context.Context, name string, p firn.Position) (parked uint64, err error) {
	on, err := g.mayUse(ctx, firn.RoleRead, "wait for a group", name)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := g.s.watch(&on, cancel)
	defer g.s.unwatch(w)
	parked, err = g.s.WaitGroup(ctx, name, p)
	if cut := w.ended(); err != nil && cut != nil {
		err = g.refused(cut)
	}
	return parked, err
}

// Consume is [Service.Consume]. It ends with an error where what the caller may do
// changes; what is not settled by then goes to other consumers.
func (g Guard) Consume(ctx context.Context, name string, inFlight uint32) (*GuardedConsumer, error) {
	const doing = "consume from a group"
	if _, err := g.mayUse(ctx, firn.RoleWrite, doing, name); err != nil {
		return nil, err
	}
	u, err := g.s.Consume(ctx, name, inFlight)
	if err != nil {
		return nil, err
	}
	// Another group may have got the name before it was joined.
	on, err := g.mayUse(ctx, firn.RoleWrite, doing, name)
	if err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return &GuardedConsumer{Consumer: u, guard: g, watch: g.s.watch(&on, func() { u.Close() })}, nil
}

// GuardedConsumer is a consumer on behalf of a caller.
type GuardedConsumer struct {
	*Consumer
	guard Guard
	watch *watch
}

// Next is [Consumer.Next].
func (u *GuardedConsumer) Next(ctx context.Context, most int) ([]group.Delivery, error) {
	deliveries, err := u.Consumer.Next(ctx, most)
	if cut := u.watch.ended(); cut != nil {
		return nil, u.guard.refused(cut)
	}
	return deliveries, err
}

// Settle is that of the group's consumer.
func (u *GuardedConsumer) Settle(ctx context.Context, answers []firn.Settlement) (void int, err error) {
	if cut := u.watch.ended(); cut != nil {
		return 0, u.guard.refused(cut)
	}
	return u.Consumer.Settle(ctx, answers)
}

// Close leaves the group.
func (u *GuardedConsumer) Close() error {
	u.guard.s.unwatch(u.watch)
	return u.Consumer.Close()
}
